// A process that was started for a unit: what it writes, and how it ends.
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { monotonicNow } from './alarm.ts';
import type { LaunchError } from './launch-error.ts';
import type { ProcessExit, ProcessRequest } from './world.ts';

/** A process that was started. Times are in microseconds of CLOCK_MONOTONIC. */
export interface StartedProcess {
  readonly pid: number;
  readonly role: ProcessRequest['role'];
  readonly argv: readonly string[];
  readonly startedAt: bigint;
  /** Absent while it runs. */
  readonly endedAt?: bigint;
  readonly exit?: ProcessExit;
  /** Why it could not become its program. */
  readonly failure?: LaunchError;
  /** The letter of its state (proc_pid_stat(5)) when it was told to end: what it did before. */
  readonly stateBefore?: string;
  /** Resolves when it has ended, and all that it had written was read. */
  readonly closed: Promise<void>;
}

/** Who is told of a process. */
export interface ProcessEvents {
  wrote(text: string, stream: 'stdout' | 'stderr'): void;
  exit(pid: number, exit: ProcessExit): void;
}

/** Follows a process. It keeps this process alive no more than its pipes do. */
export function follow(
  child: ChildProcess,
  what: Pick<StartedProcess, 'role' | 'argv' | 'failure'>,
  events: ProcessEvents,
): StartedProcess {
  const pid = child.pid as number;
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  const started = { ...what, pid, startedAt: monotonicNow(), closed };
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = child[name] as Socket | null;
    stream?.setEncoding('utf8').on('data', (text: string) => events.wrote(text, name));
    stream?.unref();
  }
  child.unref();
  child.once('exit', (code, signal) => {
    const exit = { code, signal };
    Object.assign(started, { endedAt: monotonicNow(), exit });
    events.exit(pid, exit);
  });
  return started;
}
