// Options of sockets, by setsockopt(2) and getsockopt(2).
import { nativeSockets } from '../addon/sockets.ts';
import { resultOrThrow } from '../base/errors.ts';

// Numbers of socket(7), the same on every processor that Node runs on but for one.
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_REUSEPORT = 15;
export const SO_PASSCRED = process.arch === 'ppc64' ? 20 : 16;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
const SO_COOKIE = 57;

/** A flag of the type for socket(2). */
export const SOCK_NONBLOCK = 0o4000;

// Of ip(7), ipv6(7) and tcp(7).
export const IPPROTO_IP = 0;
export const IP_FREEBIND = 15;
export const IP_TRANSPARENT = 19;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const IPV6_TRANSPARENT = 75;
export const IPV6_FREEBIND = 78;

/** Sets an option whose value is an int. Returns 0 or a negative errno. */
export function trySetOption(fd: number, level: number, option: number, value: number): number {
  return nativeSockets().setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer));
}

/** Sets an option whose value is an int. */
export function setOption(fd: number, level: number, option: number, value: number): void {
  resultOrThrow(trySetOption(fd, level, option, value), 'setsockopt', fd);
}

/** Switches an option on or off. */
export function setFlag(fd: number, level: number, option: number, isOn = true): void {
  setOption(fd, level, option, Number(isOn));
}

/** The number that the kernel has given to this socket, and to no other. */
export function cookieOf(fd: number): bigint {
  const value = new BigUint64Array(1);
  const bytes = new Uint8Array(value.buffer);
  resultOrThrow(nativeSockets().getsockopt(fd, SOL_SOCKET, SO_COOKIE, bytes), 'getsockopt', fd);
  return value[0] as bigint;
}
