// The sockets of a unit as they are told: where clients find them, and who may be a client.
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import type { OpenSocket } from '../../manager/listeners.ts';
import { addressOf, type UnitAddress, urlOf } from '../../testing/address.ts';

/** A socket that is open. */
export interface ListeningSocket extends UnitAddress {
  /** Of a TCP socket, as a browser on this machine takes it. */
  readonly url?: string;
  /** True: it listens on every interface, so that other machines reach it. */
  readonly everyInterface?: true;
}

export function listeningSocket({ description, fd }: OpenSocket): ListeningSocket {
  const address = addressOf(description, fd);
  const url = urlOf(address);
  return {
    ...address,
    ...(url !== undefined && { url }),
    ...(/^(0\.0\.0\.0|\[::\]):\d+$/.test(address.text) && { everyInterface: true }),
  };
}

/** The number of connections that wait on the sockets. */
export const waitingConnections = (sockets: readonly OpenSocket[]): number =>
  sockets.reduce((sum, { fd }) => sum + (acceptQueue(fd)?.waiting ?? 0), 0);
