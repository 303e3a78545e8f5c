// How `activate` ends, and its exit code.
import { constants } from 'node:os';
import type { ProcessExit } from '../../manager/world.ts';

export interface Outcome {
  /** How the program ended; undefined: it was never started, or it was killed at once. */
  readonly exit: ProcessExit | undefined;
  readonly result: string;
  /**
   * - `by-itself`: the program has ended for good.
   * - `stopped`: the launcher was told to stop.
   * - `killed`: it was told so twice.
   * - `given-up`: the program was started too often.
   */
  readonly how: 'by-itself' | 'stopped' | 'killed' | 'given-up';
  readonly problems: number;
}

/** A shell adds the number of the signal to this for a program that was ended by one. */
const BY_SIGNAL = 128;

/** The exit code for the end of a program: its own; for one that a signal has ended out of order, that of a shell. */
function codeOf({ exit, result }: Outcome): number {
  if (exit?.code != null) return exit.code;
  if (result === 'success') return 0;
  return exit?.signal == null ? 1 : BY_SIGNAL + constants.signals[exit.signal];
}

/**
 * The exit code of the launcher.
 *
 * - 0: it was told to stop, and the program stopped in order.
 * - the program's own: the program ended by itself. 203: it could not be executed (systemd.exec(5)).
 * - 128 and the number of a signal: the signal ended the program.
 * - 1: it did not stop in order, or was started too often; or it is strict, and the program has problems.
 * - 130: it was told to stop twice.
 */
export function exitCode(outcome: Outcome, isStrict: boolean): number {
  const { result, how, problems } = outcome;
  if (how === 'killed') return BY_SIGNAL + constants.signals.SIGINT;
  if (how === 'given-up') return 1;
  const code = how === 'stopped' ? Number(result !== 'success') : codeOf(outcome);
  return isStrict && problems > 0 ? code || 1 : code;
}
