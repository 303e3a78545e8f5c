// That the benchmark measures, not what: one round of each part, by npm run test:long. What the other packages need may be
// missing here, and then their rows say so.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { whyNoBed } from '../manager/manager.mjs';
import { LONG } from '../support/long.ts';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

/** The first run also installs the other packages. */
const limitMs = 150_000;

async function bench(...args: string[]): Promise<string> {
  const program = join(root, 'bench/run.mjs');
  const { stdout } = await run(process.execPath, [program, ...args], { timeout: limitMs });
  return stdout;
}

/** The cells of each line of each table, without head and rule. */
function tablesIn(text: string): string[][][] {
  const blocks = text.split(/\n\n+/).map((block) => block.trim());
  const cells = (line: string) => line.slice(2, -2).split(' | ');
  return blocks
    .filter((block) => block.startsWith('|'))
    .map((block) => block.split('\n').slice(2))
    .map((lines) => lines.map((line) => cells(line).map((cell) => cell.trim())));
}

const figure = /^-?[\d.]+ (µs|ms|MB|KB)$/;

/** Rows with the figures of one round: it fetches and compiles other packages, and keeps the machine busy. */
function oneRound() {
  let [besideC, besideNode, besidePackages]: string[][][] = [];
  beforeAll(async () => {
    [besideC, besideNode, besidePackages] = tablesIn(await bench('--rounds', '1'));
  }, limitMs);

  test.each([
    '`sd_notify()`, back to back',
    '`notify.status()`, bursts of 8; C: `sd_notify()`',
    '`sd_is_socket_inet()`',
    '`inspect()`, TCP listener; C: its system calls',
    'first `listenFds()`, 1 socket; C: its system calls',
    'first `listenFds()`, 1000 sockets; C: its system calls',
  ])('compares %s with C', (wanted) => {
    const [, c, ours, ratio] = besideC?.find(([what]) => what === wanted) ?? [];
    expect([c, ours, ratio]).toEqual(
      Array(2).fill(expect.stringMatching(figure)).concat(expect.stringMatching(/^\d/)),
    );
  });

  test.each([
    '`import`, time over an empty program',
    '`import`, resident memory over an empty program',
    'the add-on, stripped',
  ])('says %s', (wanted) => {
    const [, , ours] = besideC?.find(([what]) => what === wanted) ?? [];
    expect(ours).toMatch(figure);
  });

  test.each([
    'start of a process until it listens, 1 socket',
    'start until all listen, 4 workers',
    'memory of a worker, of 4',
  ])('compares %s with Node alone', (wanted) => {
    const [, plain, ours] = besideNode?.find(([what]) => what === wanted) ?? [];
    expect([plain, ours]).toEqual(Array(2).fill(expect.stringMatching(figure)));
  });

  const noBed = whyNoBed();
  test
    .skipIf(noBed)
    .each([
      'cold activation, `import` of an empty package',
      'cold activation, `listen()`, `notify.ready()`, `watchdog.start()`',
      'cold activation, `serve()`',
      'each of many requests, `serve()` on a socket of systemd; alone: on its own port',
    ])(`compares %s with Node alone${noBed ? ` (skipped: ${noBed})` : ''}`, (wanted) => {
    const [, plain, ours] = besideNode?.find(([what]) => what === wanted) ?? [];
    expect([plain, ours]).toEqual(Array(2).fill(expect.stringMatching(figure)));
  });

  test.each([
    'sd-daemon',
    'sd-notify',
    'socket-activation',
    'systemd',
    'systemd-daemon',
    'systemd-notify',
    'systemd-socket',
  ])('compares with %s, or says why not', (name) => {
    const rows = besidePackages?.filter(([, beside]) => beside?.startsWith(`${name} `)) ?? [];
    expect(rows.length).toBeGreaterThan(1);
    for (const [, , theirs, ours] of rows) {
      expect(ours).toMatch(figure);
      expect(theirs).toMatch(/^-?[\d.]+ (µs|ms|MB|KB)$|^not fetched: |^does not (compile|load): /);
    }
  });

  test.each(['packed', 'unpacked'])('says how large the package is, %s, beside others', (state) => {
    const first = besidePackages?.findIndex(([what]) => what?.startsWith(`the package, ${state}`));
    const rows = besidePackages?.slice(first, (first ?? 0) + 7) ?? [];
    expect(first).toBeGreaterThanOrEqual(0);
    expect(rows.map(([, beside]) => beside?.split(' ')[0])).toContain('sd-notify');
    for (const [, , theirs, ours] of rows) {
      expect(ours).toMatch(/^\d[\d.]* KB$/);
      expect(theirs).toMatch(/^\d[\d.]* KB$|^not fetched: /);
    }
  });
}

if (LONG) describe('one round', oneRound);

test.each([
  [['--only', 'nothing'], 'PART is one of notify, check'],
  [['--rounds', '0'], 'MOST is 1 or more'],
  [['--only', 'size', '--save'], '--save is for all of it'],
])('%j is refused', async (args, message) => {
  await expect(bench(...args)).rejects.toMatchObject({ stderr: expect.stringContaining(message) });
});

test('README.md shows figures that bench/README.md has', () => {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const [, shown = ''] =
    /<!-- bench -->\n([\s\S]*)<!-- end of bench -->/.exec(read('README.md')) ?? [];
  const all = tablesIn(read('bench/README.md')).flat();
  const [brief = []] = tablesIn(shown);
  expect(brief.length).toBeGreaterThan(4);
  for (const [, , theirs, ours, ratio] of brief) {
    expect(all).toContainEqual(expect.arrayContaining([theirs, ours, ratio]));
  }
});
