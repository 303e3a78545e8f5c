// The descriptors of the primary, in a cluster worker.

import { native } from '../../addon/exports.ts';
import { EINVAL } from '../../base/errno.ts';
import { isExhausted, SystemdError, systemError } from '../../base/errors.ts';
import { cluster, fs } from '../../base/lazy-builtins.ts';
import { acceptQueue } from '../../descriptor/accept-queue.ts';
import { fromJson } from '../../descriptor/address-json.ts';
import { inspectNamed } from '../../descriptor/inspect.ts';
import { SD_LISTEN_FDS_START } from '../../sd/constants.ts';
import type { PrimaryDescriptor } from '../inherited.ts';
import { VARIABLE, variable, type WorkerListing } from './listing.ts';

/**
 * Whether this process is a cluster worker. Without a channel to a parent it is none, and need not load
 * the module to find out.
 */
export function isWorker(): boolean {
  return process.channel !== undefined && cluster().isWorker;
}

/** Whether its primary was, or may have been, passed descriptors. */
export function isWorkerWithDescriptors(): boolean {
  const maybe = process.env[VARIABLE] !== undefined || process.env.LISTEN_PID !== undefined;
  return maybe && isWorker();
}

/** In a worker: what its primary has told it, which its own children are not to see. */
export function told(): readonly PrimaryDescriptor[] | undefined {
  let text = '';
  for (let i = 0; process.env[variable(i)] !== undefined; i++) {
    text += process.env[variable(i)];
    delete process.env[variable(i)];
  }
  if (text === '') return undefined;
  const { pid, shared } = fromJson(text) as WorkerListing;
  if (pid !== process.ppid) return undefined;
  return shared.map((one) => ({ ...one, told: true }));
}

/** Whether system calls are filtered (SystemCallFilter=); where /proc does not say, they may be. */
function isFiltered(): boolean {
  try {
    return /^Seccomp:\s*2$/m.test(fs().readFileSync('/proc/self/status', 'latin1'));
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') throw systemError(errno, 'open');
    return true;
  }
}

/** A filter may end the process for a call that is not in it: only a child can find out (20 ms). */
function isLookingDeadly(): boolean {
  return isFiltered() && native().pid_getfd_kills() !== 0;
}

/** In a worker: a copy of a descriptor of the primary's; a negative errno where the kernel refuses. */
export function copyOfPrimarys(fd: number): number {
  return native().pid_getfd(process.ppid, fd);
}

/** In a worker that was told nothing: what the primary was passed as `fd`. */
function lookedAt(fd: number, name: string): PrimaryDescriptor {
  const copy = copyOfPrimarys(fd);
  if (copy < 0) {
    const error = systemError(copy, 'pidfd_getfd', { fd });
    throw isExhausted(error) ? error : notTold(error.message);
  }
  try {
    const descriptor = Object.freeze({ ...inspectNamed(copy, name), fd });
    return { descriptor, limit: acceptQueue(copy)?.limit, told: false };
  } finally {
    native().close(copy);
  }
}

function notTold(why: string): SystemdError {
  return new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `This worker can't look at the descriptors that the primary was passed (${why}): call listenFds() in the primary before cluster.fork()`,
  );
}

/** The names of LISTEN_FDNAMES, as libsystemd reads them; undefined where it refuses to. */
function namesIn(text: string): string[] | undefined {
  const names = [''];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ':') {
      names.push('');
      continue;
    }
    // A backslash goes, and what follows stays as it is.
    if (text[i] === '\\') i++;
    if (i === text.length) return undefined;
    names.push(`${names.pop()}${text[i]}`);
  }
  return names;
}

/** LISTEN_FDS and LISTEN_FDNAMES as the manager writes them; libsystemd reads them for itself only. */
function listedNames(): string[] {
  const { LISTEN_FDS, LISTEN_FDNAMES } = process.env;
  const count = Number(LISTEN_FDS);
  const names =
    LISTEN_FDNAMES === undefined
      ? new Array<string>(count || 0).fill('unknown')
      : namesIn(LISTEN_FDNAMES);
  if (Number.isInteger(count) && count > 0 && names?.length === count) return names;
  const detail = `LISTEN_FDS=${LISTEN_FDS} LISTEN_FDNAMES=${LISTEN_FDNAMES}`;
  throw systemError(-EINVAL, 'sd_listen_fds_with_names', {}, detail);
}

/** In a worker: what the primary was passed; undefined when that is nothing. */
export function fromPrimary(): readonly PrimaryDescriptor[] | undefined {
  const shared = told();
  if (shared !== undefined) return shared;
  if (process.env.LISTEN_PID !== String(process.ppid)) return undefined;
  const names = listedNames();
  if (isLookingDeadly()) throw notTold('a filter of system calls ends who calls pidfd_getfd(2)');
  return names.map((name, i) => lookedAt(SD_LISTEN_FDS_START + i, name));
}

/**
 * In a worker whose server listens by itself: tells Node's primary that it listens, and closes it when the
 * primary disconnects the worker, as Node does with servers that it knows.
 */
export function listenApart(fd: number, port: number | undefined, close: () => void): () => void {
  const message = {
    cmd: 'NODE_CLUSTER',
    act: 'listening',
    addressType: null,
    address: null,
    fd,
    port,
  };
  process.send?.(message, undefined, undefined, () => {});
  const { worker } = cluster();
  worker?.once('disconnect', close);
  return () => {
    worker?.off('disconnect', close);
  };
}
