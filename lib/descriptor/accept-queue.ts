// acceptQueue(): how many connections wait on a listening socket, and how many may wait.
import { native } from '../addon/exports.ts';
import { isExhausted, systemError } from '../base/errors.ts';
import { AF_UNIX } from '../sd/constants.ts';
import { SO_ACCEPTCONN, socketDomain, socketOption } from './socket-options.ts';

/** The accept queue of a listening socket. */
export interface AcceptQueue {
  /** How many connections wait to be accepted. */
  readonly waiting: number;
  /** How many connections may wait: the backlog. */
  readonly limit: number;
}

/**
 * Returns how many connections wait on a listening socket to be accepted, and how many may wait. The kernel tells
 * both numbers for TCP by TCP_INFO, and for Unix sockets by sock_diag(7).
 *
 * - `{ waiting, limit }`: the queue of a listening TCP or Unix socket.
 * - undefined: there is no such queue (no socket, a socket that does not listen, another family), or the kernel does
 *   not tell (a Unix socket of another network namespace).
 *
 * @param fd - a file descriptor
 * @returns the queue, or undefined
 * @throws SystemdError EBADF when `fd` is not open; EMFILE or ENFILE when no descriptor is left, because this function
 * opens a socket to ask the kernel about a Unix socket
 * @throws TypeError ERR_INVALID_ARG_TYPE when `fd` is no number
 * @throws RangeError ERR_OUT_OF_RANGE when `fd` is no number of a descriptor
 * @see listen(2), tcp(7), sock_diag(7)
 */
export function acceptQueue(fd: number): AcceptQueue | undefined {
  const domain = socketDomain(fd);
  if (domain === undefined || socketOption(fd, SO_ACCEPTCONN) === 0) return undefined;
  const { unix_accept_queue, tcp_accept_queue } = native();
  const [result, waiting, limit] = (domain === AF_UNIX ? unix_accept_queue : tcp_accept_queue)(fd);
  if (result >= 0) return { waiting, limit };
  const error = systemError(result, 'socket', { fd });
  if (isExhausted(error)) throw error;
  return undefined;
}
