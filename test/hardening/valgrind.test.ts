// Calls of every function under valgrind, with the add-on as shipped. valgrind finds uses of unset memory, which the
// sanitizers do not find.
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

/** Reads the errors in valgrind's log, without its messages about unknown system calls. */
function readErrors(): string {
  const lines = readFileSync(log, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('==')).join('\n');
}

test('valgrind finds the mistakes of canary.c', () => {
  const canary = join(folder, 'canary.node');
  const source = join(root, 'test/hardening/canary.c');
  execFileSync('cc', ['-g', '-shared', '-fPIC', source, '-o', canary]);
  const script = `process.dlopen({ exports: {} }, '${canary}')`;
  const [command, ...args] = VALGRIND;
  const env = { ...process.env, CANARY: 'leak unset overflow' };
  spawnSync(command, [...args, process.execPath, '-e', script], { env });
  expect(readErrors()).toMatch(/depends on uninitialised value/);
  expect(readErrors()).toMatch(/Invalid write of size 1/);
  expect(readErrors()).toMatch(/definitely lost in loss record/);
});

test('valgrind finds no mistake in 5000 calls', async () => {
  await makeCalls({ seed: 1, batches: [0, 1, 2, 3, 4], size: 1000, under: VALGRIND });
  expect(readErrors()).toBe('');
});
