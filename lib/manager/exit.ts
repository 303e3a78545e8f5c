// The end of a process: what it says about the service.
import { constants } from 'node:os';
import type { ExitStatusSet } from './description.ts';
import type { ProcessExit } from './world.ts';

/** Why a service has failed, or its socket unit, in systemd's words. */
export type Result =
  | 'success'
  | 'resources'
  | 'protocol'
  | 'timeout'
  | 'exit-code'
  | 'signal'
  | 'core-dump'
  | 'watchdog'
  | 'start-limit-hit'
  | 'service-start-limit-hit'
  | 'trigger-limit-hit';

/** These signals end a daemon in order, whether it handles them or not (is_clean_exit() of systemd). */
const CLEAN_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'];

/** The signals that make a core dump (signal(7)). */
const DUMPING_SIGNALS = [
  ...['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGQUIT'],
  ...['SIGSEGV', 'SIGSYS', 'SIGTRAP', 'SIGXCPU', 'SIGXFSZ'],
];

/** True if a core was dumped, as far as one can know. */
function isDump({ signal, coreDumped }: ProcessExit): boolean {
  return signal !== null && (coreDumped ?? DUMPING_SIGNALS.includes(signal));
}

/**
 * What the end of a process means. An end that nobody knows counts as a clean one.
 *
 * @param kind - a command, such as ExecStartPre= or a service of Type=oneshot, has to succeed; a daemon may end by a
 * signal
 * @param clean - SuccessExitStatus=
 */
export function resultOf(
  exit: ProcessExit,
  kind: 'daemon' | 'command',
  clean: ExitStatusSet,
): Result {
  const { code, signal } = exit;
  if (signal === null)
    return code === null || code === 0 || clean.codes.includes(code) ? 'success' : 'exit-code';
  if (isDump(exit)) return 'core-dump';
  const isClean = kind === 'daemon' && CLEAN_SIGNALS.includes(signal);
  return isClean || clean.signals.includes(signal) ? 'success' : 'signal';
}

/** True if the end of the process is in the set. */
export function isAmong(exit: ProcessExit, { codes, signals }: ExitStatusSet): boolean {
  if (exit.signal !== null) return signals.includes(exit.signal);
  return exit.code !== null && codes.includes(exit.code);
}

/** EXIT_CODE and EXIT_STATUS, as ExecStop= and ExecStopPost= get them. */
export function exitVariables(exit: ProcessExit): Record<string, string> {
  if (exit.signal !== null)
    return {
      EXIT_CODE: isDump(exit) ? 'dumped' : 'killed',
      EXIT_STATUS: exit.signal.replace(/^SIG/, ''),
    };
  return { EXIT_CODE: 'exited', EXIT_STATUS: String(exit.code ?? 0) };
}

/** Names of exit codes, by LSB and by systemd.exec(5). */
const CODE_NAMES: Readonly<Record<number, string>> = {
  0: 'SUCCESS',
  1: 'FAILURE',
  2: 'INVALIDARGUMENT',
  3: 'NOTIMPLEMENTED',
  4: 'NOPERMISSION',
  5: 'NOTINSTALLED',
  6: 'NOTCONFIGURED',
  7: 'NOTRUNNING',
  200: 'CHDIR',
  203: 'EXEC',
};

/** The end of a process as the manager logs it, such as `code=exited, status=1/FAILURE`. */
export function describeExit(exit: ProcessExit): string {
  const { EXIT_CODE, EXIT_STATUS } = exitVariables(exit);
  const { code, signal } = exit;
  const number = signal === null ? code : constants.signals[signal];
  const name = signal === null ? (CODE_NAMES[code ?? 0] ?? 'n/a') : EXIT_STATUS;
  return `code=${EXIT_CODE}, status=${number ?? 0}/${name}`;
}
