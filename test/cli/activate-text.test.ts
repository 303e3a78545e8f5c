// What `activate` prints for people: lines for events that seldom come.
import { expect, test } from 'vitest';
import type { LauncherEvent } from '../../lib/cli/activate/events.ts';
import { eventLines } from '../../lib/cli/activate/text.ts';
import type { Piece } from '../../lib/cli/output.ts';

/** The text of a line, without its styles. */
const plain = (pieces: readonly Piece[]) =>
  pieces.map((piece) => (typeof piece === 'string' ? piece : piece.text)).join('');

const ended = { event: 'exited', pid: 7, code: null, signal: null, waiting: 0 } as const;
const message = { event: 'message', at: 1, pid: 7, text: '', fds: 0, outcome: 'taken' } as const;
const taken = (key: string, value: string) => ({ key, value, outcome: 'taken' }) as const;

const setting = (key: string) => ({
  ...{ key, value: '1', file: '/srv/app.service', line: 7, why: 'systemd has no such setting' },
});

const CASES: readonly [event: LauncherEvent, lines: readonly string[]][] = [
  [{ event: 'changed', files: ['a.js', 'b.js', 'c.js'] }, ['  changed a.js, b.js, c.js']],
  [
    { event: 'changed', files: ['a.js', 'b.js', 'c.js', 'd.js', 'e.js'] },
    ['  changed a.js, b.js, c.js and 2 more'],
  ],
  [
    { event: 'started', pid: 7, command: ['node', '-e', "it's", ''] },
    [`▶ node -e 'it'\\''s' '' (7)`],
  ],
  [{ event: 'ready', pid: 7, after: 180 }, ['  ready 0.18 s']],
  [
    { event: 'ready', pid: 7, after: 12_345, away: 400, status: 'Working' },
    ['  ready 12 s · back after 0.40 s · Working'],
  ],
  [{ event: 'reloaded', pid: 7, after: 25, status: 'Working' }, ['  reloaded 0.03 s · Working']],
  [
    { ...message, assignments: [taken('RELOADING', '1'), taken('MONOTONIC_USEC', '5')] },
    ['  RELOADING=1'],
  ],
  [{ ...message, assignments: [taken('WATCHDOG', '1')] }, []],
  [{ ...message, assignments: [taken('READY', '1'), taken('STATUS', 'Working')] }, []],
  [{ ...message, assignments: [taken('STATUS', 'Working')] }, ['  Working']],
  [{ ...message, assignments: [taken('WATCHDOG', 'trigger')] }, ['  WATCHDOG=trigger']],
  [
    { ...message, text: 'A=1\\', assignments: [], outcome: 'dropped', why: 'it is broken' },
    ['  A=1\\  dropped: it is broken'],
  ],
  [
    { ...message, assignments: [{ key: 'READY', value: '1 ', outcome: 'unknown' }] },
    ['  READY=1␠  unknown'],
  ],
  [
    {
      event: 'listening',
      sockets: [
        { name: 'stats', kind: 'datagram', text: '127.0.0.1:53', host: '127.0.0.1', port: 53 },
        { name: 'a', kind: 'fifo', text: '/run/f' },
        {
          ...{ name: 'open', kind: 'stream', text: '0.0.0.0:80', host: '127.0.0.1', port: 80 },
          ...{ url: 'http://127.0.0.1:80', everyInterface: true },
        },
      ],
    },
    [
      ' stats  127.0.0.1:53 (datagram)',
      ' a      /run/f (fifo)',
      ' open   http://127.0.0.1:80 on 0.0.0.0:80: other machines reach it',
    ],
  ],
  [
    { ...ended, code: 1, result: 'exit-code', waiting: 3, next: 'change' },
    ['✖ exited with 1 · 3 connections waiting · the next change starts it again'],
  ],
  [
    { ...ended, signal: 'SIGABRT', result: 'watchdog', next: 'restart' },
    ['✖ ended by SIGABRT · the watchdog was not pinged · Restart= starts it again'],
  ],
  [
    { ...ended, signal: 'SIGKILL', result: 'timeout', waiting: 1, next: 'now' },
    ['✖ ended by SIGKILL · it was too slow, and killed'],
  ],
  [
    { ...ended, code: 203, result: 'exit-code', why: 'there is no program', next: 'end' },
    ['✖ there is no program'],
  ],
  [{ ...ended, code: 0, result: 'success', next: 'now' }, []],
  [
    { ...ended, code: 0, result: 'success', next: 'connection' },
    ['  exited with 0 · the next connection starts it again'],
  ],
  [{ ...ended, result: 'resources', next: 'end' }, ['✖ exited with an unknown code']],
  [{ event: 'unwatched', why: 'too many' }, ['! too many']],
  [{ event: 'given-up', why: 'it was started too often' }, ['✖ it was started too often']],
  [
    { event: 'ignored', settings: ['User', 'Nice', 'User'].map(setting) },
    ['! without effect here: User=, Nice='],
  ],
  [
    { event: 'ignored', settings: [...'ABCDEFG'].map(setting) },
    ['! without effect here: A=, B=, C= and 4 more'],
  ],
  [
    { event: 'ignored', settings: ['Nice', 'LoadCredential'].map(setting) },
    [
      '! without effect here: Nice=, LoadCredential=',
      '  For credentials, a drop-in such as app.service.d/local.conf: Environment=CREDENTIALS_DIRECTORY=/path/of/a/folder',
    ],
  ],
  [
    { event: 'unknown', settings: [setting('WatchdogSecs')] },
    ['! app.service:7 is ignored, WatchdogSecs=1: systemd has no such setting'],
  ],
  [{ event: 'killing' }, ['  killing (SIGKILL)']],
  [{ event: 'waiting', next: 'connection' }, ['  waiting for the first connection']],
];

test.each(CASES)('%j', (event, lines) => {
  expect(eventLines(event).map(plain)).toEqual(lines);
});
