// The whole story of a unit, for the message of a failure.
import { formatCount } from '../base/format-count.ts';
import { path } from '../base/lazy-builtins.ts';
import { acceptQueue } from '../descriptor/accept-queue.ts';
import { monotonicNow } from '../manager/alarm.ts';
import { type UnitDescription, waitsForReady } from '../manager/description.ts';
import { computes, readProcess } from '../manager/proc.ts';
import type { StartedProcess } from '../manager/started-process.ts';
import type { ProcessExit } from '../manager/world.ts';
import type { UnitAddress } from './address.ts';
import type { Message } from './message.ts';
import { linesWorthReading } from './output-lines.ts';
import type { Problem } from './problems/codes.ts';
import { layOut, type Section, seconds, visible } from './text.ts';

/** What a unit was asked to do when it failed; `run`: nothing, it should have gone on. */
export type Job = 'start' | 'run' | 'reload' | 'stop' | 'until' | 'kill';

/** What the story is made of. */
export interface Facts {
  readonly job: Job;
  readonly unit: UnitDescription;
  /** True: the program is that of a unit file. */
  readonly isExecStart: boolean;
  readonly state: string;
  readonly subState: string;
  readonly result: string;
  readonly mainPid: number | undefined;
  readonly status: string | undefined;
  readonly processes: readonly StartedProcess[];
  /** Without an fd: it is closed, because it has failed. */
  readonly sockets: readonly { readonly fd: number | undefined; readonly address: UnitAddress }[];
  readonly messages: readonly Message[];
  readonly problems: readonly Problem[];
  /** What it has written to standard output, and to standard error. */
  readonly printed: string;
  readonly errors: string;
  readonly log: readonly string[];
}

/** How many messages, and how many lines of the log, a report has at most. */
const MOST_MESSAGES = 12;
const MOST_LOG_LINES = 4;

/** The most characters of what a program has sent as one line. */
const MOST_CHARACTERS = 1000;

/** How long a busy process is looked at, in milliseconds. */
const SAMPLE = 30;

/** What a unit that is not active yet waits for. */
function waitsFor({ unit, state, subState }: Facts): string {
  if (state !== 'activating') return '';
  if (subState === 'start-pre') return '; ExecStartPre= has not ended';
  if (subState === 'start-post') return '; ExecStartPost= has not ended';
  return waitsForReady(unit.type) ? `; Type=${unit.type} waits for READY=1` : '';
}

function stateLines(facts: Facts): string[] {
  const { state, subState, result, status } = facts;
  const line = `${state} (${subState})${result === 'success' ? '' : `, result ${result}`}${waitsFor(facts)}`;
  return status === undefined ? [line] : [line, `status: ${beginning(status)}`];
}

/** What a process does, by the letter of its state (proc_pid_stat(5)): that of its main thread. */
const ACTIVITIES: Readonly<Record<string, string>> = {
  R: 'is busy',
  S: 'sleeps: it waits for something to happen',
  T: 'is stopped by a signal (SIGCONT lets it go on)',
  D: 'waits for a device',
};

/** `exited with 1`, `was ended by SIGSEGV` */
export function describeEnd({ code, signal }: ProcessExit): string {
  return signal === null ? `exited with ${code}` : `was ended by ${signal}`;
}

/** The results of a process that has done nothing for too long. Another one is ended in the middle of its work. */
const TOO_LATE: ReadonlySet<string> = new Set(['timeout', 'watchdog']);

function activityOf({ pid, stateBefore }: StartedProcess, isTooLate: boolean): string {
  const state = stateBefore ?? readProcess(pid)?.state ?? 'Z';
  const activity = ACTIVITIES[state] ?? 'has just ended';
  if (state !== 'R') return activity;
  // A server that has much to do is busy too, and waits for its clients in between.
  const isStuck = stateBefore === undefined ? computes(pid, SAMPLE) : isTooLate;
  return isStuck ? `${activity}: its event loop does not turn` : activity;
}

function processLine(started: StartedProcess, result: string): string {
  const { pid, argv, startedAt, endedAt, exit, failure, stateBefore } = started;
  const isTooLate = TOO_LATE.has(result);
  const what = `${pid} ${path().basename(argv[0] ?? '')}`;
  if (failure !== undefined) return `${what}: status ${failure.status}, ${failure.message}`;
  const ran = seconds(Number((endedAt ?? monotonicNow()) - startedAt) / 1000);
  if (exit !== undefined) {
    const wasBusy = stateBefore === 'R' && isTooLate ? ', and was busy until then' : '';
    return `${what} ${describeEnd(exit)} after ${ran}${wasBusy}`;
  }
  return `${what}, running for ${ran}, ${activityOf(started, isTooLate)}`;
}

const processLines = ({ processes, result }: Facts) =>
  processes.slice(-3).map((started) => processLine(started, result));

function waitingText(fd: number | undefined): string {
  if (fd === undefined) return ', closed';
  try {
    const queue = acceptQueue(fd);
    if (queue === undefined || queue.waiting === 0) return '';
    const waits = queue.waiting === 1 ? 'waits' : 'wait';
    return `, ${formatCount(queue.waiting, 'connection')} ${waits} to be accepted`;
  } catch {
    return ''; // the socket is closed already
  }
}

const socketLines = ({ sockets }: Facts) =>
  sockets.map(
    ({ fd, address }) => `${address.name} ${address.kind} ${address.text}${waitingText(fd)}`,
  );

/** The lines of a message, each with its fate if it was not simply taken. */
function messageLines({ at, pid, text, outcome, why, assignments, fds }: Message): string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  const passed = fds === 0 ? '' : ` [${formatCount(fds, 'descriptor')}]`;
  return lines.map((line, i) => {
    const fate = outcome === 'dropped' ? { outcome, why } : assignments[i];
    const place = i === 0 ? `+${seconds(at)}`.padEnd(9) : ' '.repeat(9);
    const verdict =
      fate === undefined || fate.outcome === 'taken'
        ? ''
        : `   ${fate.outcome}${fate.why === undefined ? '' : `: ${fate.why}`}`;
    return `${place} pid ${pid}  ${visible(beginning(line))}${i === 0 ? passed : ''}${verdict}`;
  });
}

const beginning = (line: string) =>
  line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}...` : line;

function allMessages({ unit, messages }: Facts): string[] {
  if (messages.length === 0) return unit.notifyAccess === 'none' ? [] : ['none'];
  const shown = messages.slice(-MOST_MESSAGES);
  const left = messages.length - shown.length;
  return [...(left > 0 ? [`${left} earlier`] : []), ...shown.flatMap(messageLines)];
}

const problemLines = ({ problems }: Facts) =>
  problems.map(({ code, message }) => `${code}: ${message}`);

/** Tells the whole story of a unit: what failed, all that is known, and what to try. */
export function report(headline: string, facts: Facts, advice: readonly string[]): string {
  const hints = [...facts.problems.map(({ hint }) => hint), ...advice];
  const sections: Section[] = [
    ['state', stateLines(facts)],
    ['process', processLines(facts)],
    // Where not even a process could be made, only the manager's log says why.
    ['log', facts.result === 'resources' ? facts.log.slice(-MOST_LOG_LINES) : []],
    ['sockets', socketLines(facts)],
    ['messages', allMessages(facts)],
    ['stderr', linesWorthReading(facts.errors)],
    ['stdout', linesWorthReading(facts.printed)],
    ['problems', problemLines(facts)],
    ['try', [...new Set(hints)]],
  ];
  return layOut(headline, sections);
}
