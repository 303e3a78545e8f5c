// The errors of messages that can't be sent, and what they advise.
import { EBADF, EINVAL, EMSGSIZE, ENOTCONN } from '../base/errno.ts';
import { type SystemdError, systemError } from '../base/errors.ts';
import { inspect } from '../descriptor/inspect.ts';
import { formatName } from './address.ts';
import type { Outgoing } from './outbox.ts';

/** The kernel's limit (SCM_MAX_FD). */
const MOST_FDS = 253;

function isClosed(fd: number): boolean {
  try {
    inspect(fd);
    return false;
  } catch {
    return true;
  }
}

function advice(result: number, { data, fds }: Outgoing): string | undefined {
  if (result === -ENOTCONN) {
    return 'there is no receiver: name it as the second argument, or call connect() before';
  }
  if (result === -EMSGSIZE) {
    return `${data.length} bytes came, and the send buffer allows fewer (SO_SNDBUF, by default 212960): send them in parts`;
  }
  if (result === -EINVAL && fds.length > MOST_FDS) {
    return `options.fds has ${fds.length} descriptors, and at most ${MOST_FDS} go with a message: send the others with another one`;
  }
  return undefined;
}

/**
 * The error for a message that could not be sent.
 *
 * @param peer - the encoded name of the peer that the socket is connected to; undefined when it is unknown
 */
export function sendError(
  result: number,
  message: Outgoing,
  peer: Uint8Array | undefined,
): SystemdError {
  const { to, fds } = message;
  const syscall = fds.length > 0 ? 'sendmsg' : 'sendto';
  const name = to.length > 0 ? to : peer;
  const place = name === undefined ? {} : { path: formatName(name) };
  const closed = result === -EBADF ? fds.find(isClosed) : undefined;
  if (closed === undefined) return systemError(result, syscall, place, advice(result, message));
  const detail =
    'options.fds has this descriptor, which is not open: close it when send() has resolved';
  return systemError(result, syscall, { fd: closed, ...place }, detail);
}
