// listenFds() and listenFd(): the descriptors that the service manager passed, by name.

import { SystemdError } from '../base/errors.ts';
import { escapeUnambiguously } from '../base/printable.ts';
import { validateOptionalString } from '../base/validate.ts';
import { formatLines } from '../descriptor/format.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { activation } from './activation.ts';

/**
 * The descriptors that the service manager passed to this process, in the manager's order, described as
 * by `inspect`. The first call removes the variables LISTEN_* from `process.env`, so that child processes do not
 * inherit them.
 *
 * In a cluster worker the list is the primary's, with the primary's numbers. In a worker thread the list
 * is the one that the main thread has read before.
 *
 * @param name - only the descriptors of this name, which several may share; default: all
 * @returns a frozen list, the same on every call; `[]` when the process was not socket-activated, and when
 * it only inherited the variables of another process
 * @throws SystemdError, by its code:
 * - EINVAL, ERANGE: the variables are malformed
 * - EBADF: LISTEN_FDS counts a number that is not open (but the lowest numbers may be Node's own)
 * - EMFILE, ENFILE: no descriptor is left, and the inspection of the others needs one; a later call tries again
 * - ERR_SYSTEMD_CLUSTER: this is a cluster worker, and its primary has to call `listenFds()` first
 * - ERR_SYSTEMD_THREAD: this is a worker thread, and the main thread has to call `listenFds()` first
 * @throws TypeError ERR_INVALID_ARG_TYPE when `name` is no string
 * @see sd_listen_fds_with_names(3), version 227
 */
export function listenFds(name?: string): readonly InheritedDescriptor[] {
  validateOptionalString('name', name);
  const { descriptors } = activation();
  return name === undefined ? descriptors : descriptors.filter((passed) => passed.name === name);
}

/**
 * The one descriptor that the service manager passed, or the one of this name.
 *
 * @param name - as FileDescriptorName= of the socket unit gives it; default: the only descriptor, whatever
 * its name
 * @returns undefined when the process was not socket-activated
 * @throws SystemdError, by its code:
 * - ERR_SYSTEMD_FD_NAME: descriptors were passed, and none has this name
 * - ERR_SYSTEMD_FD_COUNT: several descriptors match
 * - those of {@link listenFds}
 * @throws TypeError ERR_INVALID_ARG_TYPE when `name` is no string
 * @see sd_listen_fds_with_names(3), version 227
 */
export function listenFd(name?: string): InheritedDescriptor | undefined {
  const all = listenFds();
  const [first, ...more] = listenFds(name);
  if (more.length > 0) {
    const which =
      name === undefined ? 'one descriptor' : `one descriptor named "${escapeUnambiguously(name)}"`;
    const advice = name === undefined ? '; name one of them' : '';
    const message = `Expected ${which}, and ${more.length + 1} were passed${advice}:${formatLines(all)}`;
    throw new SystemdError('ERR_SYSTEMD_FD_COUNT', message);
  }
  if (first === undefined && all.length > 0) {
    const message = `No descriptor named "${escapeUnambiguously(name as string)}" was passed (FileDescriptorName= of the socket unit). These were passed:${formatLines(all)}`;
    throw new SystemdError('ERR_SYSTEMD_FD_NAME', message);
  }
  return first;
}
