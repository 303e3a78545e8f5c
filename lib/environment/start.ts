// How this process was started: by the service manager itself or by another program, and for which client.
import { variable } from './variables.ts';

/** The client for whose connection systemd has started this process, from {@link remote}. Frozen. */
export interface Remote {
  /**
   * - TCP: an IP address. One of IPv4 that came over a socket of IPv6 is written as IPv4.
   * - A Unix socket, from systemd 257 on: its path, or `@` and its abstract name.
   * - vsock(7): `vsock:` and the number of the machine.
   */
  readonly address: string;
  /** The port. Absent for a Unix socket. */
  readonly port?: number;
}

/**
 * True when the service manager has executed this process itself: it is the one of ExecStart= or of another Exec line
 * of the unit. Not so for a process behind `npm start` or a shell, nor for a cluster worker or a child. The other
 * variables, such as INVOCATION_ID, are inherited, so they don't tell.
 *
 * @returns false in a start by hand too
 * @see systemd.exec(5), SYSTEMD_EXEC_PID of systemd 248
 */
export function startedByManager(): boolean {
  return variable('SYSTEMD_EXEC_PID') === String(process.pid);
}

/**
 * Returns who has connected, in a service that systemd starts for each connection (`Accept=yes`). It is known also
 * when the client has gone meanwhile, and the socket has no peer any more.
 *
 * @returns a frozen object; undefined when the process was not started for a connection, or the client has no address:
 * most clients of a Unix socket have none
 * @see systemd.socket(5), Accept=; systemd.exec(5), REMOTE_ADDR
 */
export function remote(): Remote | undefined {
  const address = variable('REMOTE_ADDR');
  if (address === undefined) return undefined;
  const port = variable('REMOTE_PORT') ?? '';
  return Object.freeze(/^\d{1,10}$/.test(port) ? { address, port: Number(port) } : { address });
}
