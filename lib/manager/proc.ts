// What /proc tells of the processes of this machine.
import { fs, os } from '../base/lazy-builtins.ts';
import { withSpareDescriptor } from './spare-descriptor.ts';

/** One process, from /proc/PID/stat (proc_pid_stat(5)). */
export interface ProcessFacts {
  readonly pid: number;
  /** The name of the program, at most 15 bytes of it. */
  readonly name: string;
  /** A letter: R runs, S sleeps, D waits for a device, T is stopped, Z has ended. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** When it was started, in ticks since the machine was. */
  readonly startedAt: number;
  /** PF_* of the kernel's include/linux/sched.h. */
  readonly flags: number;
}

/** Room for /proc/PID/stat, which is read so often that fs.readFileSync() takes too long. */
const statBuffer = Buffer.allocUnsafe(1024);

function readStat(pid: number): string {
  const fd = fs().openSync(`/proc/${pid}/stat`, 'r');
  try {
    return statBuffer.toString('latin1', 0, fs().readSync(fd, statBuffer));
  } finally {
    fs().closeSync(fd);
  }
}

function read(pid: number, file: string): string {
  return fs().readFileSync(`/proc/${pid}/${file}`, 'latin1');
}

/** The result of `call`; undefined when the process has ended meanwhile, or belongs to another user. */
function ifReadable<T>(call: () => T): T | undefined {
  try {
    return withSpareDescriptor(call);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EIO'].includes(code ?? '')) return undefined;
    throw error;
  }
}

/** The facts about a process; undefined when there is none of this pid. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const stat = ifReadable(() => readStat(pid));
  if (stat === undefined) return undefined;
  // The name is in parentheses, and may contain some itself.
  const end = stat.lastIndexOf(')');
  const [state = '', ...numbers] = stat.slice(end + 2).split(' ');
  const [parent = 0, group = 0, session = 0] = numbers.map(Number);
  const startedAt = Number(numbers[18]);
  const flags = Number(numbers[5]);
  const name = stat.slice(stat.indexOf('(') + 1, end);
  return { pid, name, state, parent, group, session, startedAt, flags };
}

/** True for a process that has ended, also while nobody has waited for it yet (a zombie). */
const hasEnded = ({ state }: ProcessFacts): boolean => state === 'Z' || state === 'X';

/** The facts about a process that exists and has not ended; undefined for any other. */
export function readRunning(pid: number): ProcessFacts | undefined {
  const facts = readProcess(pid);
  return facts === undefined || hasEnded(facts) ? undefined : facts;
}

/** True while the process exists and has not ended. */
export function isRunning(pid: number): boolean {
  return readRunning(pid) !== undefined;
}

const PF_EXITING = 4;

/** True when the kernel ends the process, or has done so: its sockets may be closed already. */
export function isEnding(pid: number): boolean {
  const facts = readRunning(pid);
  return facts === undefined || (facts.flags & PF_EXITING) !== 0;
}

/** How often the main thread of a process has waited for something; undefined when the process is gone. */
function waitsOf(pid: number): string | undefined {
  const status = ifReadable(() => read(pid, 'status')) ?? '';
  return /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(status)?.[1];
}

/**
 * True when the main thread of a process computes and waits for nothing, not even for its next event. Blocks this
 * thread meanwhile.
 *
 * @param milliseconds - how long it is looked at
 */
export function computes(pid: number, milliseconds: number): boolean {
  const before = waitsOf(pid);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  return before !== undefined && readProcess(pid)?.state === 'R' && waitsOf(pid) === before;
}

/** All processes that run. */
export function runningProcesses(): ProcessFacts[] {
  return withSpareDescriptor(() => fs().readdirSync('/proc'))
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readRunning(Number(name)))
    .filter((facts) => facts !== undefined);
}

/** The environment that the process had at its start; undefined when it may not be read. */
export function initialEnvironment(pid: number): Map<string, string> | undefined {
  const text = ifReadable(() => fs().readFileSync(`/proc/${pid}/environ`, 'utf8'));
  if (text === undefined) return undefined;
  return new Map(
    text.split('\0').flatMap((entry) => {
      const at = entry.indexOf('=');
      return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)] as const] : [];
    }),
  );
}

/**
 * The words of the command line of a process; [] when they are unknown, and for a thread of the kernel. A program may
 * have written a title there, as npm does: `npm start`, and null bytes up to the end, or none.
 */
export function commandLine(pid: number): string[] {
  const text = ifReadable(() => fs().readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
  const words = text.replace(/\0+$/, '').split('\0');
  const [first = ''] = words;
  if (first === '' && words.length === 1) return [];
  return words.length === 1 && !first.startsWith('/') ? first.split(' ') : words;
}

/** The path of the program that a process executes; undefined when it is unknown. */
export function executable(pid: number): string | undefined {
  return ifReadable(() => fs().readlinkSync(`/proc/${pid}/exe`));
}

/**
 * True when the process has a handler for the signal, or blocks it. PID 1 asks the same of a service of
 * Type=notify-reload (proc_pid_status(5): SigCgt, SigBlk).
 */
export function catchesSignal(pid: number, signal: NodeJS.Signals): boolean {
  const status = ifReadable(() => read(pid, 'status')) ?? '';
  const bit = 1n << BigInt(os().constants.signals[signal] - 1);
  return [...status.matchAll(/^Sig(?:Cgt|Blk):\s*([\da-f]+)$/gm)].some(
    ([, mask]) => (BigInt(`0x${mask}`) & bit) !== 0n,
  );
}

/** The pid of the process that a pidfd refers to; undefined for another descriptor, and when the process is gone. */
export function pidOfPidfd(pidfd: number): number | undefined {
  const info = ifReadable(() => fs().readFileSync(`/proc/self/fdinfo/${pidfd}`, 'latin1')) ?? '';
  const [, pid] = /^Pid:\s*(\d+)$/m.exec(info) ?? [];
  return pid === undefined ? undefined : Number(pid);
}
