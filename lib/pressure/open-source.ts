// openSource(): finds out of what kind a file is, and begins to watch it.
import { systemError } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import { FifoSource } from './fifo-source.ts';
import { PsiSource } from './psi-source.ts';
import { SocketSource } from './socket-source.ts';
import type { Source, SourceEvents } from './source.ts';
import { pressureError, type Target } from './target.ts';

// File systems, as statfs(2) has them.
const PROC_SUPER_MAGIC = 0x9fa0;
const CGROUP2_SUPER_MAGIC = 0x63677270;

/** True for a regular file whose pressure the kernel itself writes. */
function isOfKernel(file: string): boolean {
  return [PROC_SUPER_MAGIC, CGROUP2_SUPER_MAGIC].includes(fs().statfsSync(file).type);
}

function kindOf(file: string): 'psi' | 'fifo' | 'socket' {
  const stats = fs().statSync(file);
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  if (stats.isFile() && isOfKernel(file)) return 'psi';
  const what = stats.isFile() ? 'a file of another file system' : 'of another kind';
  throw pressureError(
    `MEMORY_PRESSURE_WATCH names ${file}, which is ${what}, and should be a PSI file of the kernel (procfs, cgroup2), a FIFO or a socket: leave this variable to the service manager`,
  );
}

const SOURCES = { psi: PsiSource, fifo: FifoSource, socket: SocketSource };

/** The kernel has no pressure file here, has PSI turned off, or does not let this process have a trigger. */
const UNAVAILABLE = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'EOPNOTSUPP']);

/** The error of a system call of Node's `fs`, as one of this package. */
function explained(error: unknown, { path, isTold }: Target): unknown {
  const { errno, syscall } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) return error;
  const facts = { path };
  return isTold
    ? systemError(errno, syscall, facts, 'the file of MEMORY_PRESSURE_WATCH')
    : systemError(errno, syscall, facts);
}

/**
 * Begins to watch.
 *
 * @returns undefined when a fallback is not available
 * @throws SystemdError ERR_SYSTEMD_MEMORY_PRESSURE for a file that can't be watched; the system's error when a call
 * fails
 */
export function openSource(target: Target, events: SourceEvents): Source | undefined {
  try {
    return new SOURCES[kindOf(target.path)](target, events);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!target.isTold && UNAVAILABLE.has(code)) return undefined;
    throw explained(error, target);
  }
}
