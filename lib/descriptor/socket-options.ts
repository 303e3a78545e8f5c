// Reads single properties of a socket from the kernel: its options and its address.
import { native } from '../addon/exports.ts';
import { ENOTSOCK } from '../base/errno.ts';
import { resultOrThrow } from '../base/errors.ts';
import { SOCK_DGRAM } from '../sd/constants.ts';
import { type Address, decodeAddress } from './address.ts';

// Numbers of socket(7). They are the same on every processor that Node runs on.
const SOL_SOCKET = 1;
const SO_TYPE = 3;
export const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const SO_PEERPIDFD = 77;

/**
 * Room for any address (struct sockaddr_storage). All calls use the same bytes, because each call decodes them before
 * the next begins.
 */
const addressBuffer = new Uint8Array(128);

/** The value of an option at the level SOL_SOCKET, by getsockopt(2). */
export function socketOption(fd: number, option: number): number {
  return resultOrThrow(native().getsockopt(fd, SOL_SOCKET, option), 'getsockopt', fd);
}

/** The address that a socket is bound to, by getsockname(2). */
export function localAddress(fd: number): Address {
  const length = resultOrThrow(native().getsockname(fd, addressBuffer), 'getsockname', fd);
  return decodeAddress(addressBuffer.subarray(0, length));
}

/** True for a datagram socket. False for any other descriptor, and for a closed one. */
export function isDatagram(fd: number): boolean {
  return native().getsockopt(fd, SOL_SOCKET, SO_TYPE) === SOCK_DGRAM;
}

/** The AF_ number of a socket; undefined for a descriptor that is no socket. */
export function socketDomain(fd: number): number | undefined {
  const domain = native().getsockopt(fd, SOL_SOCKET, SO_DOMAIN);
  return domain === -ENOTSOCK ? undefined : resultOrThrow(domain, 'getsockopt', fd);
}

/**
 * A pidfd of the process that peerCredentials() describes, or a negative errno: -ENOPROTOOPT before Linux 6.5. Whoever
 * takes it closes it by the `close()` of the add-on.
 */
export function peerPidfd(fd: number): number {
  return native().getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD);
}
