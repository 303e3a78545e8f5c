// recordSent(): which messages change what the manager does from then on.
import { expect, test } from 'vitest';
import {
  hasSentStopping,
  recordSent,
  sentWatchdogUsec,
} from '../../lib/notification/sent-state.ts';

test.each<[what: string, message: string, usec: bigint | undefined]>([
  ['nothing', '', undefined],
  ['another assignment', 'READY=1', undefined],
  ['a number that the manager ignores', 'WATCHDOG_USEC=1s', undefined],
  ['the name within a value', 'STATUS=WATCHDOG_USEC=1', undefined],
  [
    'the name behind a character that is no line break for the manager',
    'X_A=\u2028WATCHDOG_USEC=1',
    undefined,
  ],
  ['the assignment alone', 'WATCHDOG_USEC=1', 1n],
  ['a line of several', 'READY=1\nWATCHDOG_USEC=2\nSTATUS=up', 2n],
  ['a line behind a carriage return', 'READY=1\rWATCHDOG_USEC=3', 3n],
  ['the first of two', 'WATCHDOG_USEC=4\nWATCHDOG_USEC=5', 4n],
  ['an endless time, which turns the watchdog off', `WATCHDOG_USEC=${2n ** 64n - 1n}`, 0n],
])('WATCHDOG_USEC: %s', (_what, message, usec) => {
  const before = sentWatchdogUsec();
  recordSent(message);
  expect(sentWatchdogUsec()).toBe(usec ?? before);
});

test('STOPPING=1 is recorded as a whole line only, and never taken back', () => {
  for (const message of [
    '',
    'STOPPING=0',
    'STOPPING=11',
    'STATUS=STOPPING=1',
    'X_A=\u2028STOPPING=1',
  ]) {
    recordSent(message);
  }
  expect(hasSentStopping()).toBe(false);
  recordSent('STOPPING=1\nSTATUS=closing');
  expect(hasSentStopping()).toBe(true);
  recordSent('READY=1');
  expect(hasSentStopping()).toBe(true);
});
