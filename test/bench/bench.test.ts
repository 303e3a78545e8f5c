// The benchmark with one round of each part, by npm run test:long: every row has figures, whatever they are. The rows of
// packages that can't be installed on this machine say so.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { whyNoBed } from '../manager/manager.mjs';
import { LONG } from '../support/long.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

/** Milliseconds. The first run also installs the other packages, and fetches a newer Node. */
const BENCH_TIMEOUT = 240_000;

async function runBench(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const program = join(root, 'bench/run.mjs');
  return await run(process.execPath, [program, ...args], { timeout: BENCH_TIMEOUT });
}

/** Parses the tables of a text: tables of lines of cells, without their heads. */
function parseTables(text: string): string[][][] {
  const blocks = text.split(/\n\n+/).map((block) => block.trim());
  const cells = (line: string) => line.slice(2, -2).split(' | ');
  return blocks
    .filter((block) => block.startsWith('|'))
    .map((block) => block.split('\n').slice(2))
    .map((lines) => lines.map((line) => cells(line).map((cell) => cell.trim())));
}

const FIGURE = /^-?[\d.]+ (µs|ms|MB|KB)$/;

/** Rows with the figures of one round: it fetches and compiles other packages, and keeps the machine busy. */
function oneRound() {
  const pictures = temporaryFolder();
  let [besideC, besideNode, besidePackages]: string[][][] = [];
  let output: { stdout: string; stderr: string };
  beforeAll(async () => {
    output = await runBench('--rounds', '1', '--plot', pictures);
    [besideC, besideNode, besidePackages] = parseTables(output.stdout);
  }, BENCH_TIMEOUT);

  test.each([
    '`sd_notify()`, back to back',
    '`notify.status()`, bursts of 8; C: `sd_notify()`',
    '`sd_is_socket_inet()`',
    '`send()` of a connected `UnixDatagram`, to a receiver that drops all',
    '`sd_is_socket_sockaddr()`, of an object',
    '`inspect()`, TCP listener; C: its system calls',
    'first `listenFds()`, 1 socket; C: its system calls',
    'first `listenFds()`, 1000 sockets; C: its system calls',
    ...(whyNoBed() === undefined
      ? ['`journal.send()`, five fields, bursts of 8; C: `sd_journal_sendv()`']
      : []),
  ])('%s is compared with C', (label) => {
    const [, c, ours, ratio] = besideC?.find(([what]) => what === label) ?? [];
    expect([c, ours, ratio]).toEqual(
      Array(2).fill(expect.stringMatching(FIGURE)).concat(expect.stringMatching(/^\d/)),
    );
  });

  test('`notify.status()` never waits for a receiver that stops', () => {
    const label =
      '`notify.status()`, stalls of 3 busy senders when the receiver stops; C: `sd_notify()`';
    const [, c, ours] = besideC?.find(([what]) => what === label) ?? [];
    expect([c, ours]).toEqual([expect.stringMatching(/^[0-3] of 3$/), '0 of 3']);
  });

  test.each([
    '`import`, time over importing an empty package',
    '`--import libsystemd/auto`, time over preloading an empty package',
    '`-r libsystemd/auto`, time over preloading an empty package',
    '`require()`, time over requiring an empty package',
    '`import`, resident memory over an empty program',
    '`import`, resident memory over importing an empty package',
    '`import` of libsystemd/testing, time over an empty program',
    'the add-on, stripped',
  ])('%s has a number in the output', (label) => {
    const [, , ours] = besideC?.find(([what]) => what === label) ?? [];
    expect(ours).toMatch(FIGURE);
  });

  test.each([
    'start of a process until it listens, 1 socket',
    '`start()` of libsystemd/testing, until READY=1 of a bare daemon; alone: spawning it and waiting for its datagram',
    'start until all listen, 4 workers',
    'memory of a worker, of 4',
  ])('%s is compared with Node alone', (label) => {
    const [, plain, ours] = besideNode?.find(([what]) => what === label) ?? [];
    expect([plain, ours]).toEqual(Array(2).fill(expect.stringMatching(FIGURE)));
  });

  const noBed = whyNoBed();
  test
    .skipIf(noBed)
    .each([
      'cold activation, `listen()`, `notify.ready()`, `watchdog.start()`; alone: importing an empty package',
      'cold activation, `serve()`; alone: importing an empty package',
      'cold activation, `listen()`, `notify.ready()`, `watchdog.start()`',
      'cold activation, `serve()`',
      'cold activation from CommonJS, `listen()`, `notify.ready()`, `watchdog.start()`',
      'cold activation from CommonJS, `serve()`',
      'each of many requests, `serve()` on a socket of systemd; alone: on its own port',
    ])(`%s is compared with Node alone${noBed ? ` (skipped: ${noBed})` : ''}`, (label) => {
    const [, plain, ours] = besideNode?.find(([what]) => what === label) ?? [];
    expect([plain, ours]).toEqual(Array(2).fill(expect.stringMatching(FIGURE)));
  });

  test.each([
    'ES modules',
    'ES modules, cache by call',
    'ES modules, cache by variable',
    'ES modules, `getBuiltinModule()`',
    'CommonJS',
    'CommonJS, cache by call',
    'CommonJS, cache by variable',
  ])('a start on a newer Node has figures, or a reason is given: %s', (label) => {
    const reason = /^compile-cache: not measured, because (no newer Node was fetched: .+)$/m.exec(
      output.stderr,
    );
    if (reason !== null) return;
    const start = /^start until it listens, Node [\d.]+, (.+)$/;
    const [, plain, ours] =
      besideNode?.find(([what]) => start.exec(what ?? '')?.[1] === label) ?? [];
    expect([plain, ours]).toEqual(Array(2).fill(expect.stringMatching(FIGURE)));
  });

  test('the packages that ignore LISTEN_PID are marked, and the others are not', () => {
    const first = besidePackages?.findIndex(
      ([what]) => what === '`import` and first `listenFds()`, 1 socket',
    );
    const rows = besidePackages?.slice(first, (first ?? 0) + 4) ?? [];
    const measured = rows.filter(([, , theirs]) => FIGURE.test(theirs ?? ''));
    const marked = measured.filter(([, beside]) => beside?.endsWith(', ignores LISTEN_PID'));
    const namesOf = (lines: string[][]) => lines.map(([, beside]) => beside?.split(' ')[0]);
    const ignoring = ['sd-daemon', 'systemd-socket'];
    expect(rows).toHaveLength(4);
    expect(namesOf(marked)).toEqual(namesOf(measured).filter((name) => ignoring.includes(name!)));
    const targets = rows.filter(([, , , , , target]) => target?.startsWith('≤ 0.9 × '));
    expect(targets).toHaveLength(marked.length < measured.length ? 1 : 0);
  });

  test('`UnixDatagram` loses nothing, and is compared with unix-dgram', () => {
    const lost = besideC?.find(([what]) => what?.startsWith('messages that `send()` has lost'));
    expect(lost?.[2]).toMatch(/^0 of \d+$/);
    const rows = besidePackages?.filter(([, beside]) => beside?.startsWith('unix-dgram'));
    expect(rows?.map(([, , , ours]) => FIGURE.test(ours ?? ''))).toEqual([true, true]);
  });

  test('the plot has no other figures than the tables', () => {
    for (const theme of ['light', 'dark']) {
      const picture = readFileSync(join(pictures, `plot-${theme}.svg`), 'utf8');
      const texts = [...picture.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text as string);
      const figures = texts.filter((text) => FIGURE.test(text));
      expect(figures.length).toBeGreaterThan(4);
      for (const figure of figures) expect(output.stdout).toContain(figure);
    }
  });

  test.each([
    'sd-daemon',
    'sd-notify',
    'socket-activation',
    'systemd',
    'systemd-daemon',
    'systemd-notify',
    'systemd-socket',
    ...(whyNoBed() === undefined ? ['sd-journald', 'systemd-journald'] : []),
  ])('%s is compared, or a reason is given', (name) => {
    const rows = besidePackages?.filter(([, beside]) => beside?.startsWith(`${name} `)) ?? [];
    expect(rows.length).toBeGreaterThan(name.endsWith('-journald') ? 0 : 1);
    for (const [, , theirs, ours] of rows) {
      expect(ours).toMatch(FIGURE);
      expect(theirs).toMatch(/^-?[\d.]+ (µs|ms|MB|KB)$|^not fetched: |^does not (compile|load): /);
    }
  });

  test.each(['packed', 'unpacked'])(
    'the size of the package, %s, is compared with other packages',
    (state) => {
      const first = besidePackages?.findIndex(([what]) =>
        what?.startsWith(`the package, ${state}`),
      );
      const rows = besidePackages?.slice(first, (first ?? 0) + 7) ?? [];
      expect(first).toBeGreaterThanOrEqual(0);
      expect(rows.map(([, beside]) => beside?.split(' ')[0])).toContain('sd-notify');
      for (const [, , theirs, ours] of rows) {
        expect(ours).toMatch(/^\d[\d.]* KB$/);
        expect(theirs).toMatch(/^\d[\d.]* KB$|^not fetched: /);
      }
    },
  );
}

if (LONG) describe('one round', oneRound);

test.each([
  [['--only', 'nothing'], '--only has unknown parts: nothing'],
  [['--rounds', '0'], '--rounds is 0, and must be a number from 1 on'],
  [['--only', 'size', '--save'], '--save needs the figures of all parts'],
])('the arguments %j are refused', async (args, message) => {
  await expect(runBench(...args)).rejects.toMatchObject({
    stderr: expect.stringContaining(message),
  });
});

test('every figure in docs/comparison.md is one of bench/README.md', () => {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const [, shown = ''] =
    /<!-- bench -->\n([\s\S]*)<!-- end of bench -->/.exec(read('docs/comparison.md')) ?? [];
  const all = parseTables(read('bench/README.md')).flat();
  const [brief = []] = parseTables(shown);
  expect(brief.length).toBeGreaterThan(4);
  for (const [, , theirs, ours, ratio] of brief) {
    expect(all).toContainEqual(expect.arrayContaining([theirs, ours, ratio]));
  }
});
