// What the rules ask of the world outside: processes, descriptors, a clock. And what they are told about it.
import type { Exec } from './description.ts';

/** A message as it came to the notification socket. */
export interface ReceivedMessage {
  readonly bytes: Buffer;
  /**
   * What of it did not come: it was longer than the buffer for it, or this process could not open all its descriptors.
   */
  readonly lost?: 'bytes' | 'descriptors';
  /** The sender, by SCM_CREDENTIALS. 0: the message came without valid credentials. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** The descriptors that came along. The rules keep or close each of them. */
  readonly fds: readonly number[];
  /** When the message arrived, in microseconds of CLOCK_MONOTONIC. */
  readonly at: bigint;
}

/** How a process ended: an exit code, or a signal; neither, if nobody knows. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Default: true for each signal that makes a core dump unless a limit forbids it. */
  readonly coreDumped?: boolean;
}

export interface PassedDescriptor {
  readonly fd: number;
  readonly name: string;
}

/** A process that is to be started. */
export interface ProcessRequest {
  readonly role: 'main' | 'control';
  readonly command: Exec;
  /** What the fd store passes, to be appended to the unit's sockets. A control process gets no descriptors at all. */
  readonly stored: readonly PassedDescriptor[];
  /** True: the process gets NOTIFY_SOCKET. */
  readonly mayNotify: boolean;
  /** The variables whose values the state of the service decides: WATCHDOG_USEC, FDSTORE, MAINPID, SERVICE_RESULT, … */
  readonly variables: Readonly<Record<string, string>>;
}

/** The world of one service. */
export interface World {
  /** Microseconds of CLOCK_MONOTONIC. */
  now(): bigint;
  /**
   * Starts a process, and returns its pid. A program that can't be executed is an exit with status 203, which
   * {@link ServiceRules.exited} hears of later. Throws if not even a process can be made; the result is `resources`
   * then.
   */
  spawn(request: ProcessRequest): number;
  /** Sends a signal to a process. Returns false if the process no longer exists, not even as a zombie. */
  kill(pid: number, signal: NodeJS.Signals): boolean;
  /** Sends a signal to all processes of the unit but these. Returns false if there is none. */
  killOthers(signal: NodeJS.Signals, except: readonly number[]): boolean;
  /** True if a process of the unit exists. */
  isPopulated(): boolean;
  /**
   * Calls {@link ServiceRules.expired} at that time. It replaces the alarm that was set before; undefined: no alarm.
   */
  alarm(at: bigint | undefined): void;
  /** True if the process belongs to the unit, as its main and control processes and their descendants do. */
  belongs(pid: number): boolean;
  /**
   * True: root may name any process of the machine as the main process, because stopping the service is root's affair
   * anyway.
   */
  readonly trustsRoot: boolean;
  /** True if the process exists and is no zombie. */
  isAlive(pid: number): boolean;
  /** True if the process has a handler for the signal, or blocks it. */
  catches(pid: number, signal: NodeJS.Signals): boolean;
  /** The pid of the process that a pidfd refers to; undefined if the descriptor is no pidfd. */
  pidOf(pidfd: number): number | undefined;
  /** The inode number of a pidfd of this process; undefined if the kernel has none (before Linux 6.9). */
  pidfdId(pid: number): bigint | undefined;
  /**
   * Calls {@link ServiceRules.hungUp} once the descriptor reports EPOLLHUP or EPOLLERR, until it is closed. Throws when
   * it can't be watched.
   */
  watch(fd: number): void;
  close(fd: number): void;
  /** True if both descriptors are one open file, as dup(2) makes them. */
  isSameFile(one: number, other: number): boolean;
  /** The state, the status or anything else that can be read from the rules may have changed. */
  changed(): void;
}
