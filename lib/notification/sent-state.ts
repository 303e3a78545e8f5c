// The record of STOPPING=1 and WATCHDOG_USEC=, which this process has sent to its service manager. The manager acts
// on both from then on.
import { LARGEST_UNSIGNED, parseUnsigned } from '../base/c-number.ts';
import { processState } from '../base/process-state.ts';

interface SentState {
  /** True once STOPPING=1 was sent. It can't be taken back. */
  stopping: boolean;
  /** The last WATCHDOG_USEC that was sent; 0n when it turned the watchdog off; undefined when none was sent. */
  watchdogUsec: bigint | undefined;
  /** Called each time that a WATCHDOG_USEC was sent. */
  onWatchdogUsec: () => void;
}

const sent = processState<SentState>('sent-state', () => ({
  stopping: false,
  watchdogUsec: undefined,
  onWatchdogUsec() {},
}));

/**
 * Reads the number as the manager does: in C's notation, and with the largest number for an endless
 * time, which is no watchdog. Returns undefined for a text that the manager ignores.
 */
function readUsec(text: string): bigint | undefined {
  const usec = parseUnsigned(text);
  if (typeof usec === 'number') return undefined;
  return usec === LARGEST_UNSIGNED ? 0n : usec;
}

const WATCHDOG_USEC = 'WATCHDOG_USEC=';

/** False for a message of one line that is neither, as most are. */
function mayBeRecorded(message: string): boolean {
  if (message.startsWith('STOPPING=') || message.startsWith(WATCHDOG_USEC)) return true;
  return message.includes('\n') || message.includes('\r');
}

/** Records STOPPING=1 and WATCHDOG_USEC= of a message. To be called once the message is sent or waits in the queue. */
export function recordSent(message: string): void {
  if (!mayBeRecorded(message)) return;
  // The manager takes a carriage return too as the end of a line.
  const lines = message.split(/[\n\r]/);
  if (lines.includes('STOPPING=1')) sent.stopping = true;
  // Of several ones the manager reads the first.
  const text = lines.find((line) => line.startsWith(WATCHDOG_USEC))?.slice(WATCHDOG_USEC.length);
  const usec = text === undefined ? undefined : readUsec(text);
  if (usec === undefined) return;
  sent.watchdogUsec = usec;
  sent.onWatchdogUsec();
}

/** True once this process has sent STOPPING=1. */
export function hasSentStopping(): boolean {
  return sent.stopping;
}

/**
 * The last watchdog timeout that this process has sent, in microseconds; 0n when that turned the
 * watchdog off; undefined when none was sent.
 */
export function sentWatchdogUsec(): bigint | undefined {
  return sent.watchdogUsec;
}

/** Calls `listener` each time that this process has sent a watchdog timeout. There is one listener. */
export function onWatchdogUsecSent(listener: () => void): void {
  sent.onWatchdogUsec = listener;
}
