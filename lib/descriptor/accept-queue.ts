// How many connections wait on a listening socket, and how many may.
import { native } from '../addon/exports.ts';
import { isExhausted, systemError } from '../base/errors.ts';
import { AF_UNIX } from '../sd/constants.ts';
import { SO_ACCEPTCONN, socketDomain, socketOption } from './inspect.ts';

/** How many connections wait to be accepted, and how many may (the backlog). */
export interface AcceptQueue {
  readonly waiting: number;
  readonly limit: number;
}

/**
 * How many connections wait on a listening socket, and how many may: for TCP by TCP_INFO, for Unix
 * sockets by sock_diag(7).
 *
 * @param fd - a file descriptor
 * @returns undefined where there is no such queue or the kernel doesn't say: a socket that does not
 * listen, another family, no socket, a socket of another network namespace
 * @throws SystemdError EBADF when it is not open; EMFILE or ENFILE when no descriptor is left, which
 * it takes to ask about a Unix socket
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE when `fd` is no descriptor's number
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
