// Each problem: a daemon that has just that one, and daemons that have none.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProblemCode, Unit, UnitOptions } from 'libsystemd/testing';
import { describe, expect, type TestContext, test } from 'vitest';
import { PROBLEM_CODES } from '../../lib/testing/problems/codes.ts';
import { WatchdogPings } from '../../lib/testing/problems/watchdog-pings.ts';
import { layOut } from '../../lib/testing/text.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { does, failure, programs, startUnit } from './support.ts';

const folder = temporaryFolder();

interface Case {
  /** What the daemon does: see programs/does.mjs. */
  readonly does?: readonly string[];
  /** Another daemon. */
  readonly command?: readonly string[];
  readonly options?: UnitOptions;
  /** What the test does before it stops the unit. */
  readonly next?: (unit: Unit) => Promise<unknown>;
  /** True: the unit does not even start. */
  readonly fails?: true;
  /** Another problem that comes with it. */
  readonly also?: ProblemCode;
}

/** A daemon that sends what does.mjs can't, because libsystemd refuses it. */
const sends = (what: string) => ['python3', join(programs, 'sends.py'), what];

const reload: UnitOptions = { type: 'notify-reload' };

const PATIENTLY = { timeout: 20_000 };

/** Waits until the unit has sent this message, the last one but for those of its stop. */
const untilSaid = (unit: Unit, text: string) =>
  unit.until(() => unit.messages.at(-1)?.text === text, PATIENTLY);

/** Asks for a reload that never ends in order, waits for what the daemon answers last, and stops the unit. */
const reloadUntil = (last: RegExp) => async (unit: Unit) => {
  const reloading = failure(unit.reload());
  await unit.until(() => last.test(unit.messages.at(-1)?.text ?? ''), PATIENTLY);
  await unit.stop();
  await reloading;
};

test('many children that are left are one line, which names five of them', async () => {
  const many = 'for i in 1 2 3 4 5 6 7; do sleep 600 & done; echo; wait';
  const unit = await startUnit(['/bin/sh', '-c', many], { type: 'exec', strict: false });
  await unit.until(({ output }) => output !== '', PATIENTLY);
  unit.kill('SIGKILL');
  await unit.until({ state: 'failed' }, PATIENTLY);
  await unit.stop();
  const [problem, ...others] = unit.problems.filter(({ code }) => code === 'children-left');
  expect(others).toEqual([]);
  expect(problem?.message).toMatch(
    /^the main process has ended before (?:\w+ \(\d+\)(?:, |(?= and))){5} and 2 others$/,
  );
});

const CASES: Readonly<Record<ProblemCode, Case>> = {
  'backlog-shrunk': {
    does: ['listen:', 'READY=1'],
    options: { sockets: { http: 'tcp' } },
  },
  'barrier-with-text': { does: ['READY=1', 'BARRIER=1\nSTATUS=up'] },
  'children-left': {
    does: ['child:clean', 'on:SIGUSR1=exit:0', 'READY=1'],
    next: async (unit) => {
      unit.kill('SIGUSR1');
      await unit.until({ state: 'inactive' }, PATIENTLY);
    },
  },
  'duplicate-key': { does: ['READY=1\nSTATUS=one\nSTATUS=two'] },
  'exit-143': { does: ['on:SIGTERM=exit:143', 'READY=1'], next: (unit) => failure(unit.stop()) },
  'exit-before-ready': { does: ['exit:0'], fails: true },
  'inherited-environment': {
    does: ['child:inherits', 'READY=1'],
    options: { sockets: { http: 'unix' } },
  },
  'listen-pid': {
    command: ['/bin/sh', '-c', '"$@"; true', 'sh', ...does('READY=1', 'STATUS=done')],
    options: { sockets: { http: 'unix' }, notifyAccess: 'all' },
  },
  'message-too-long': { does: ['READY=1', `STATUS=${'x'.repeat(4096)}`] },
  'near-miss': { does: ['READY=1', 'Ready=1'] },
  'never-ready': { does: [], options: { startTimeout: 500 }, fails: true },
  'null-byte': { command: sends('null') },
  'path-unlinked': {
    does: ['unlink', 'READY=1'],
    options: { sockets: { http: 'unix' } },
  },
  'reload-old-time': {
    does: ['on:SIGHUP=reload-old', 'READY=1'],
    options: reload,
    next: reloadUntil(/^READY=1$/),
  },
  'reload-without-time': {
    does: ['on:SIGHUP=RELOADING=1', 'READY=1'],
    options: reload,
    next: reloadUntil(/^RELOADING=1$/),
  },
  'sender-not-allowed': {
    does: ['READY=1', 'child-says:STATUS=child'],
    also: 'inherited-environment',
  },
  'sighup-not-handled': {
    does: ['READY=1'],
    options: { ...reload, systemd: 253 },
  },
  'stopping-without-exit': {
    does: ['on:SIGTERM=STOPPING=1', 'READY=1'],
    options: { stopTimeout: 4000 },
    next: (unit) => failure(unit.stop()),
  },
  'store-duplicate': { command: sends('twice'), options: { fdStore: 4 } },
  'store-full': { does: ['READY=1', 'store:a'], options: { fdStore: 0, notifyAccess: 'main' } },
  'store-name': { command: sends('colon'), options: { fdStore: 4 } },
  'store-unconnected': { command: sends('unconnected'), options: { fdStore: 4 } },
  'trailing-backslash': { does: ['READY=1', 'STATUS=C:\\'] },
  'watchdog-before-ready': {
    does: ['WATCHDOG=1', 'READY=1'],
    options: { watchdog: 20_000 },
  },
  'watchdog-late': {
    does: ['READY=1', 'ping:4500'],
    options: { watchdog: 7000 },
    next: (unit) => unit.until(() => unit.messages.length >= 4, PATIENTLY),
  },
};

/** Starts the daemon of a case, and lets it do what it does wrong. */
async function problemsOf(one: Case, context: TestContext): Promise<Unit['problems']> {
  const { does: actions = [], command, options, next, fails } = one;
  const words = command ?? does(...actions, ...(fails ? [] : ['STATUS=done']));
  const started = startUnit(words, { strict: false, ...options }, context);
  if (fails) return (await failure(started)).problems;
  const unit = await started;
  await untilSaid(unit, 'STATUS=done');
  if (next === undefined) await unit.stop();
  else await next(unit);
  return unit.problems;
}

test.concurrent.for(Object.entries(CASES))('%s', async ([code, one], context) => {
  const problems = await problemsOf(one, context);
  const codes = new Set(problems.map((problem) => problem.code));
  if (one.also !== undefined) codes.delete(one.also);
  context.expect([...codes]).toEqual([code]);
  for (const { message, hint } of problems) {
    context.expect(message).not.toContain('\n');
    context.expect(hint).not.toBe('');
  }
});

test('npm, which has changed its title, stands between the unit and its program', async () => {
  const place = temporaryFolder();
  const scripts = { start: does('READY=1', 'STATUS=done').join(' ') };
  writeFileSync(join(place, 'package.json'), JSON.stringify({ scripts }));
  const options = { sockets: { http: 'tcp' }, notifyAccess: 'all', cwd: place } as const;
  const unit = await startUnit(['npm', 'start'], options);
  await untilSaid(unit, 'STATUS=done');
  const { message, problems } = await failure(unit.stop());
  expect(problems.map(({ code }) => code)).toEqual(['listen-pid']);
  expect(message).toMatch(/LISTEN_PID names npm start \(\d+\), and the program is node \(\d+\)/);
});

/** tsx starts the program esbuild before the first line of the daemon, and it stays. */
function esbuild(): string {
  const path = join(temporaryFolder(), 'esbuild');
  copyFileSync(execFileSync('which', ['sleep'], { encoding: 'utf8' }).trim(), path);
  return path;
}

describe('a right daemon has no problem', () => {
  test.concurrent.for<[string, readonly string[], UnitOptions, ((unit: Unit) => Promise<void>)?]>([
    ['that only says READY=1', does('READY=1'), {}],
    ['in Python', sends('nothing'), {}],
    ['with an own key', does('READY=1\nX_APP=1', 'X_APP=2'), {}],
    [
      'that pings in time',
      does('READY=1', 'ping:300'),
      { watchdog: 20_000 },
      (unit) => unit.until(() => unit.messages.length > 4, PATIENTLY),
    ],
    ['that reloads', does('on:SIGHUP=reload', 'READY=1'), reload, (unit) => unit.reload()],
    [
      'with a child that has an environment of its own',
      does('child:clean', 'READY=1'),
      { sockets: { http: 'unix' } },
    ],
    [
      'that lets its children notify',
      does('READY=1', 'child-says:STATUS=child'),
      { notifyAccess: 'all' },
    ],
    ['that tsx has compiled', does(`copy:${esbuild()}`, 'READY=1'), { sockets: { http: 'unix' } }],
    [
      'that is a shell with a child',
      ['/bin/sh', '-c', 'sleep 600 & wait'],
      { type: 'simple', sockets: { http: 'unix' } },
    ],
    ['that stores', does('READY=1', 'store:state'), { fdStore: 4 }],
    [
      'that listens with the backlog of the unit',
      does('listen:65535', 'READY=1'),
      { sockets: { http: 'tcp' } },
    ],
  ])('%s', async ([, command, options, then], context) => {
    const unit = await startUnit(command, options, context);
    await then?.(unit);
    await context.expect(unit.stop()).resolves.toMatchObject({ result: 'success' });
    context.expect(unit.problems).toEqual([]);
  });
});

test('what a process has said is no problem of the next one, which Restart= has started', async () => {
  const mark = join(folder, 'has-run');
  const [node, script] = does();
  const first = `: >${mark}; exec ${node} ${script} STOPPING=1 READY=1 exit:1`;
  const then = `exec ${node} ${script} on:SIGTERM=print:no READY=1`;
  const unit = await startUnit(['/bin/sh', '-c', `if [ -e ${mark} ]; then ${then}; fi; ${first}`], {
    ...{ type: 'simple', notifyAccess: 'main', restart: 'on-failure', stopTimeout: 500 },
  });
  await unit.until(() => unit.restarts === 1 && unit.messages.length === 3, PATIENTLY);
  const { problems } = await failure(unit.stop());
  expect(problems).toEqual([]);
});

test('a backslash before the null byte that ends a string in C loses the message, too', async () => {
  const unit = await startUnit(sends('backslash'));
  await untilSaid(unit, 'STATUS=done');
  const { problems } = await failure(unit.stop());
  expect(problems).toMatchObject([{ code: 'trailing-backslash' }]);
});

test('late pings are found among any number of pings', () => {
  const pings = new WatchdogPings(1000);
  pings.begin(0n);
  for (let i = 1n; i <= 200_000n; i++) pings.ping(i * 700_000n);
  expect(pings.problem?.message).toContain('every 0.70 s');
  pings.ping(200_000n * 700_000n + 500_000n);
  expect(pings.problem).toBeUndefined();
});

test('a report shows what a daemon has said, and no terminal obeys it', () => {
  expect(layOut('web failed', [['problems', ['a\x1b[2Jb', 'c\nd']]])).toBe(
    'web failed\n  problems  a\\x1b[2Jb\n            c\\x0ad',
  );
});

test('docs/testing.md lists every code', () => {
  const page = readFileSync(join(root, 'docs/testing.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `([a-z0-9-]+)` \| [A-Z]/gm)].map(
    ([, code]) => code as string,
  );
  expect(listed).toEqual(Object.keys(PROBLEM_CODES));
});
