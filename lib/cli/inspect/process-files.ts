// The descriptors of any process, as far as /proc tells of them: see proc_pid_fd(5) and proc_pid_fdinfo(5).
import {
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';
import type { FileDescriptor } from '../../descriptor/inspect.ts';
import { commandLine, readProcess } from '../../manager/proc.ts';
import { Failure } from '../command.ts';

/** How a descriptor may be used, and what happens to it at exec(3). */
export interface Flags {
  readonly access: 'read' | 'write' | 'read-write';
  /** Calls return EAGAIN where they would have to wait. */
  readonly nonblock: boolean;
  /** Programs that the process starts do not inherit the descriptor. */
  readonly cloexec: boolean;
  /** Each write goes to the end of the file. */
  readonly append: boolean;
}

/** A descriptor of another process. */
export interface OpenFile {
  readonly fd: number;
  /** The kernel's name: a path, `socket:[4711]`, `anon_inode:[eventpoll]`. */
  readonly link: string;
  /** The inode number, which names a socket in the kernel's tables. */
  readonly inode: number;
  readonly kind: FileDescriptor['kind'] | 'socket';
  readonly flags: Flags;
}

/** The number of x86, ARM, PowerPC, RISC-V and s390; Node has no constant for it. */
const O_CLOEXEC = 0o2000000;

const ACCESS: readonly Flags['access'][] = ['read', 'write', 'read-write'];

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** The result of a read in /proc; undefined when what was read about has ended or was closed meanwhile. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

function flagsIn(info: string): Flags {
  const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '0', 8);
  return {
    access: ACCESS[flags & 3] ?? 'read-write',
    nonblock: (flags & constants.O_NONBLOCK) !== 0,
    cloexec: (flags & O_CLOEXEC) !== 0,
    append: (flags & constants.O_APPEND) !== 0,
  };
}

/** The file systems that a process sees: the type of each, by the id of its mount. */
function mountsOf(pid: number): ReadonlyMap<string, string> {
  const text = unlessGone(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')) ?? '';
  const mounts = text.matchAll(/^(\d+) .*? - (\S+) /gm);
  return new Map(Array.from(mounts, ([, id = '', type = '']) => [id, type]));
}

/**
 * True for a POSIX message queue. stat(2) calls it a regular file, and its name looks like a file of the root folder.
 * But it is in a file system of queues, which is no mount of the process unless /dev/mqueue is.
 */
function isQueue(link: string, info: string, mounts: ReadonlyMap<string, string>): boolean {
  if (!/^\/[^/]+$/.test(link) || link.endsWith(' (deleted)')) return false;
  const type = mounts.get(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? '');
  return type === undefined || type === 'mqueue';
}

function kindOf(stats: Stats): OpenFile['kind'] {
  if (stats.isSocket()) return 'socket';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'device' : 'other';
}

/** True for a process that exists, also where /proc hides it (hidepid=). */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** The Failure that says why there is nothing to see, and what to do. */
function unreadable(pid: number, error: unknown): unknown {
  const code = codeOf(error);
  if (!existsSync('/proc/self')) {
    return new Failure(
      'there is no /proc here, which tells of descriptors: mount it (mount -t proc proc /proc), or run this command elsewhere',
    );
  }
  if (readProcess(pid)?.state === 'Z') {
    return new Failure(`process ${pid} has ended, and its parent has not noticed (a zombie)`);
  }
  if (code === 'EACCES' || code === 'EPERM' || (code === 'ENOENT' && exists(pid))) {
    const why =
      process.getuid?.() === 0
        ? 'this process has no CAP_SYS_PTRACE, as in most containers. Run this command outside of it'
        : 'it belongs to another user, or has raised its privileges. Run this command by sudo';
    return new Failure(`the descriptors of process ${pid} may not be read (${code}): ${why}`);
  }
  if (code === 'ENOENT' || code === 'ESRCH') {
    return new Failure(
      `there is no process ${pid}: take the pid from "ps", or name the unit by --unit`,
    );
  }
  return error;
}

function openFile(pid: number, fd: number, mounts: ReadonlyMap<string, string>): OpenFile {
  const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  const stats = statSync(`/proc/${pid}/fd/${fd}`);
  const kind = kindOf(stats);
  return {
    fd,
    link,
    inode: stats.ino,
    kind: kind === 'file' && isQueue(link, info, mounts) ? 'mq' : kind,
    flags: flagsIn(info),
  };
}

/**
 * The open descriptors of a process, in the order of their numbers. A descriptor that is closed meanwhile is left out.
 *
 * @throws Failure when there is no such process, or this process may not read about it
 */
export function openFiles(pid: number): OpenFile[] {
  try {
    const numbers = readdirSync(`/proc/${pid}/fd`).map(Number);
    const mounts = mountsOf(pid);
    return numbers
      .sort((one, other) => one - other)
      .flatMap((fd) => unlessGone(() => openFile(pid, fd, mounts)) ?? []);
  } catch (error) {
    throw unreadable(pid, error);
  }
}

/** The command of a process; for a thread of the kernel its name in brackets. */
export function commandOf(pid: number): string {
  const words = commandLine(pid);
  if (words.length > 0) return words.join(' ');
  const name = unlessGone(() => readFileSync(`/proc/${pid}/comm`, 'utf8')) ?? '';
  return `[${name.trimEnd()}]`;
}

/** The process of a thread, which /proc shows like a process of its own; that of a process is the process itself. */
export function processOf(pid: number): number {
  const status = unlessGone(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? '';
  return Number(/^Tgid:\s*(\d+)$/m.exec(status)?.[1] ?? pid);
}

/** The pid by which a process knows itself: another one in a container. */
export function ownPidOf(pid: number): number {
  const status = unlessGone(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? '';
  return Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1] ?? pid);
}
