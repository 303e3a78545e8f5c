// The problems that the processes of a unit show.
import { formatCount } from '../../base/format-count.ts';
import type { NotifyAccess, UnitDescription } from '../../manager/description.ts';
import {
  commandLine,
  executable,
  initialEnvironment,
  type ProcessFacts,
} from '../../manager/proc.ts';
import { isOfLoader, isRuntime, isStarter, programBetween } from '../../manager/programs.ts';
import type { Problem } from './codes.ts';

/** True for a process that has started another program and waits for it, by its program or its script. */
function isStarting(pid: number): boolean {
  return [executable(pid) ?? '', ...commandLine(pid).slice(0, 2)].some(isStarter);
}

/** The most processes that are named in a line. */
const MOST_NAMES = 5;

/** `node (4711), sh (4712)`; of many the first ones, and how many there are beside them. */
function namesOf(processes: readonly ProcessFacts[]): string {
  const names = processes.slice(0, MOST_NAMES).map(nameOf).join(', ');
  const more = processes.length - MOST_NAMES;
  return more > 0 ? `${names} and ${formatCount(more, 'other')}` : names;
}

/** `node (4711)` */
const nameOf = ({ pid, name }: ProcessFacts) => `${name} (${pid})`;

const HANDED_DOWN = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET'] as const;

/** The variables of the main process that another process has got too. */
function handedDown(pid: number, mainPid: number, access: NotifyAccess): string[] {
  const environment = initialEnvironment(pid);
  if (environment === undefined || isOfLoader(executable(pid) ?? '')) return [];
  const isOfMain = environment.get('LISTEN_PID') === String(mainPid);
  return HANDED_DOWN.filter((name) => {
    if (!environment.has(name)) return false;
    // With NotifyAccess=all a child process is meant to have it.
    return name === 'NOTIFY_SOCKET' ? access !== 'all' : isOfMain;
  });
}

/** @param first - what LISTEN_PID names */
function behindAnother(first: string, program: string): Problem {
  return {
    code: 'listen-pid',
    message: `LISTEN_PID names ${first}, and the program is ${program}, which therefore takes no sockets`,
    hint: 'Start the program itself: node server.js instead of npm start, and in a shell script exec node server.js',
  };
}

/**
 * The problem of a program that has found no socket, although the unit has some: another program stands between. By now
 * both may have ended, so the command line tells.
 *
 * @param errors - what was written to standard error
 */
export function notActivatedProblems(
  { start, sockets }: Pick<UnitDescription, 'start' | 'sockets'>,
  errors: string,
): Problem[] {
  const between = programBetween(start.argv);
  const isMissed = sockets.length > 0 && errors.includes('ERR_SYSTEMD_NOT_ACTIVATED');
  return isMissed && between !== undefined ? [behindAnother(between, 'a child of it')] : [];
}

/** The problem of child processes that all have these variables of their parent. */
function inherited(children: readonly ProcessFacts[], variables: string): Problem {
  const who = children.length === 1 ? 'process' : 'processes';
  const has = children.length === 1 ? 'has' : 'have';
  return {
    code: 'inherited-environment',
    message: `the child ${who} ${namesOf(children)} ${has} ${variables} of ${children.length === 1 ? 'its' : 'their'} parent`,
    hint: 'Remove them from the environment once they are read: sd_listen_fds(1), notify.unsetEnvironment(), or serve(), which does both',
  };
}

/** The problems of a unit's processes while it runs. */
export function processProblems(
  mainPid: number,
  members: readonly ProcessFacts[],
  access: NotifyAccess,
): Problem[] {
  const main = members.find(({ pid }) => pid === mainPid);
  if (main === undefined) return [];
  const heirs = new Map<string, ProcessFacts[]>();
  for (const child of members) {
    const variables = child === main ? '' : handedDown(child.pid, mainPid, access).join(', ');
    if (variables !== '') heirs.set(variables, [...(heirs.get(variables) ?? []), child]);
  }
  const groups = [...heirs];
  if (!isStarting(mainPid)) return groups.map(([variables, all]) => inherited(all, variables));
  return groups.flatMap(([variables, all]) => {
    const program = all.find(({ pid }) => isRuntime(executable(pid) ?? ''));
    return program !== undefined && variables.includes('LISTEN_PID')
      ? [behindAnother(nameOf(main), nameOf(program))]
      : [];
  });
}

/** The problem of processes that are there although the main process, which has started them, has ended. */
export function leftProblem(left: readonly ProcessFacts[]): Problem[] {
  if (left.length === 0) return [];
  return [
    {
      code: 'children-left',
      message: `the main process has ended before ${namesOf(left)}`,
      hint: 'End child processes, and wait for their end, before the main process exits',
    },
  ];
}
