// Some calls of every function with the add-on as it is shipped, under valgrind: it sees what is used
// before it was set, which the sanitizers do not.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { makeCalls } from './calls/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'libsystemd-valgrind-'));
afterAll(() => rmSync(folder, { recursive: true }));

const log = join(folder, 'log');
const VALGRIND = [
  ...['valgrind', '--quiet', `--log-file=${log}`, '--num-callers=20'],
  ...['--leak-check=full', '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite'],
] as const;

/** Its errors, without what it says about system calls that it does not know. */
function errors(): string {
  const lines = readFileSync(log, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('==')).join('\n');
}

test('it sees the mistakes of an add-on', () => {
  const canary = join(folder, 'canary.node');
  const source = join(root, 'test/hardening/canary.c');
  execFileSync('cc', ['-g', '-shared', '-fPIC', source, '-o', canary]);
  const script = `process.dlopen({ exports: {} }, '${canary}')`;
  const [command, ...args] = VALGRIND;
  const env = { ...process.env, CANARY: 'leak unset overflow' };
  spawnSync(command, [...args, process.execPath, '-e', script], { env });
  expect(errors()).toMatch(/depends on uninitialised value/);
  expect(errors()).toMatch(/Invalid write of size 1/);
  expect(errors()).toMatch(/definitely lost in loss record/);
});

test('in 5000 calls it sees nothing', async () => {
  await makeCalls({ seed: 1, batches: [0, 1, 2, 3, 4], size: 1000, under: VALGRIND });
  expect(errors()).toBe('');
});
