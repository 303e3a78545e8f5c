// Inspects the descriptors of a cluster primary that has not called listenFds(). Its worker reads LISTEN_FDS and
// LISTEN_FDNAMES itself, and inspects copies of the primary's descriptors (pidfd_getfd(2)).
import { native } from '../../addon/exports.ts';
import { EACCES, EINVAL, ENOSYS, EPERM } from '../../base/errno.ts';
import {
  isExhausted,
  outOfDescriptors,
  resultOrThrow,
  SystemdError,
  systemError,
} from '../../base/errors.ts';
import { fs } from '../../base/lazy-builtins.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import { inspectNamed } from '../../descriptor/inspect.ts';
import { SD_LISTEN_FDS_START } from '../../sd/constants.ts';
import type { Announced } from './announcement.ts';

/** Makes a copy of a descriptor of the primary. Returns a negative errno when the kernel refuses. */
export function copyFromPrimary(fd: number): number {
  return native().pid_getfd(process.ppid, fd);
}

function cannotInspectError(why: string): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `This worker can't inspect the descriptors that its primary was passed (${why}): call listenFds() in the primary before cluster.fork()`,
  );
}

/** True when system calls of this process are filtered, and when /proc does not tell. */
export function mayBeFiltered(): boolean {
  try {
    return /^Seccomp:\s*2$/m.test(fs().readFileSync('/proc/self/status', 'latin1'));
  } catch (error) {
    const exhausted = outOfDescriptors(error, 'open');
    if (exhausted !== undefined) throw exhausted;
    return true;
  }
}

/**
 * A filter of system calls (SystemCallFilter=) may kill a process that calls pidfd_getfd(2), so a child tries
 * the call. Without a filter no child is needed: fork(2) takes long in a process with much memory, and fails
 * where TasksMax= is reached.
 */
function isCallSafe(): boolean {
  return !mayBeFiltered() || resultOrThrow(native().pid_getfd_kills(), 'fork') === 0;
}

const KILLS = 'SystemCallFilter= ends a process that calls pidfd_getfd(2)';

function assertCallIsSafe(): void {
  if (!isCallSafe()) throw cannotInspectError(KILLS);
}

function cannotCopyError(fd: number, why: string): SystemdError {
  const change = mayBeFiltered()
    ? 'allow pidfd_getfd in the filter of system calls (SystemCallFilter=pidfd_getfd in the unit)'
    : "let the worker have its primary's user, and kernel.yama.ptrace_scope be 0 or 1";
  const message = `This worker can't copy a socket of libsystemd/unix from its primary (${why}): ${change}, or serve without workers`;
  return new SystemdError('ERR_SYSTEMD_CLUSTER', message, { fd });
}

/** What a filter of system calls, and the kernel itself, answer to a call that is forbidden. */
const FORBIDDEN = [EPERM, EACCES, ENOSYS].map((errno) => -errno);

/** Makes a copy of a descriptor that the primary has announced, and that Node's primary can't open for this worker. */
export function copyAnnounced(fd: number): number {
  if (!isCallSafe()) throw cannotCopyError(fd, KILLS);
  const copy = copyFromPrimary(fd);
  if (copy >= 0) return copy;
  const error = systemError(copy, 'pidfd_getfd', { fd });
  throw FORBIDDEN.includes(copy) ? cannotCopyError(fd, error.message) : error;
}

function inspectInPrimary(fd: number, name: string): Announced {
  const copy = copyFromPrimary(fd);
  if (copy < 0) {
    const error = systemError(copy, 'pidfd_getfd', { fd });
    throw isExhausted(error) ? error : cannotInspectError(error.message);
  }
  try {
    const descriptor = Object.freeze({ ...inspectNamed(copy, name), fd });
    return { descriptor, limit: acceptQueue(copy)?.limit };
  } finally {
    native().close(copy);
  }
}

/** The names in LISTEN_FDNAMES, as libsystemd reads them; undefined for a text that libsystemd refuses. */
export function parseNames(text: string): string[] | undefined {
  const names = [''];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ':') {
      names.push('');
      continue;
    }
    // A backslash escapes the next character, and is dropped.
    if (text[i] === '\\') i++;
    if (i === text.length) return undefined;
    names.push(`${names.pop()}${text[i]}`);
  }
  return names;
}

/** The names of the primary's descriptors. libsystemd reads the variables of its own process only. */
function namesInPrimary(): string[] {
  const { LISTEN_FDS, LISTEN_FDNAMES } = process.env;
  const count = Number(LISTEN_FDS);
  const names =
    LISTEN_FDNAMES === undefined
      ? new Array<string>(count || 0).fill('unknown')
      : parseNames(LISTEN_FDNAMES);
  if (Number.isInteger(count) && count > 0 && names?.length === count) return names;
  const detail = `LISTEN_FDS=${LISTEN_FDS} LISTEN_FDNAMES=${LISTEN_FDNAMES}`;
  throw systemError(-EINVAL, 'sd_listen_fds_with_names', {}, detail);
}

/**
 * The descriptors that were passed to the primary, according to LISTEN_FDS and LISTEN_FDNAMES.
 *
 * @throws SystemdError ERR_SYSTEMD_CLUSTER when the worker may not inspect its primary
 * @throws SystemdError EINVAL when the variables are malformed
 */
export function inspectPrimary(): readonly Announced[] {
  const names = namesInPrimary();
  assertCallIsSafe();
  return names.map((name, i) => inspectInPrimary(SD_LISTEN_FDS_START + i, name));
}
