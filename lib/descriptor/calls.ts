// Calls on descriptors and processes, which Node has no function for, by the second add-on.
import { nativeSockets } from '../addon/sockets.ts';
import { EAGAIN } from '../base/errno.ts';
import { resultOrThrow, systemError } from '../base/errors.ts';

/**
 * Closes a descriptor that the second add-on has opened or received. Node's fs.closeSync() warns about it in worker
 * threads, and Deno's refuses it.
 */
export function closeDescriptor(fd: number): void {
  resultOrThrow(nativeSockets().close(fd), 'close', fd);
}

/** Sets or clears O_NONBLOCK, for every process that has the open file. */
export function setNonBlocking(fd: number, nonBlocking: boolean): void {
  resultOrThrow(nativeSockets().set_nonblocking(fd, nonBlocking), 'fcntl', fd);
}

/**
 * True when both descriptors are one open file, as after dup(2), by kcmp(2). Where kcmp(2) is forbidden, as in some
 * containers, type, device, inode and flags are compared, as the manager does there; then two opens of one file with
 * equal flags count as one too.
 */
export function isSameFile(one: number, other: number): boolean {
  return resultOrThrow(nativeSockets().is_same_file(one, other), 'kcmp', one) === 1;
}

/** Accepts a connection; undefined when none waits. The new descriptor blocks. */
export function accept(fd: number): number | undefined {
  const result = nativeSockets().accept(fd);
  return result === -EAGAIN ? undefined : resultOrThrow(result, 'accept4', fd);
}

/**
 * A descriptor for a process, also for one that is no child of this process.
 *
 * @throws SystemdError ESRCH when there is no such process
 */
export function pidfdOpen(pid: number): number {
  const result = nativeSockets().pidfd_open(pid);
  if (result < 0) throw systemError(result, 'pidfd_open', {}, `pid ${pid}`);
  return result;
}
