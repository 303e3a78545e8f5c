// What this process has told its service manager that holds from then on.
import { LARGEST_UNSIGNED, parseUnsigned } from '../base/c-number.ts';
import { processState } from '../base/process-state.ts';

interface SentState {
  /** Whether it was told STOPPING=1, which can't be taken back. */
  stopping: boolean;
  /** The newest WATCHDOG_USEC, in microseconds, 0n for none; undefined when it was not told one. */
  watchdog: bigint | undefined;
  /** Called when that changes. */
  onWatchdog: () => void;
}

const sent = processState<SentState>('told', () => ({
  stopping: false,
  watchdog: undefined,
  onWatchdog() {},
}));

/** As the manager reads it: a C number, and its largest means none. undefined: the manager ignores it. */
function readUsec(text: string): bigint | undefined {
  const usec = parseUnsigned(text);
  if (typeof usec === 'number') return undefined;
  return usec === LARGEST_UNSIGNED ? 0n : usec;
}

/** Takes note of a message that was sent. */
export function recordSent(message: string): void {
  if (/^STOPPING=1$/m.test(message)) sent.stopping = true;
  const [, text] = /^WATCHDOG_USEC=(.*)$/m.exec(message) ?? [];
  const usec = text === undefined ? undefined : readUsec(text);
  if (usec === undefined) return;
  sent.watchdog = usec;
  sent.onWatchdog();
}

/** Whether the manager was told STOPPING=1. */
export function hasSentStopping(): boolean {
  return sent.stopping;
}

/** The watchdog's timeout that the manager was told last, in microseconds; 0n: none. */
export function sentWatchdogUsec(): bigint | undefined {
  return sent.watchdog;
}

/** @param act - called when the manager is told another timeout */
export function onWatchdogSent(act: () => void): void {
  sent.onWatchdog = act;
}
