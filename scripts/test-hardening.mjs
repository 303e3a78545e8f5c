// Runs the tests that take too long or need too many tools for `npm test`: see `usage` for the steps.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { readCommandLine, refuseWith } from './command-line.mjs';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'test/hardening');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

const steps = {
  sanitize: () => [join(folder, 'sanitize.mjs')],
  fuzz: (times) => [join(folder, 'fuzz.mjs'), `-max_total_time=${30 * times}`],
  test: () => [vitest, 'run', `--config=${join(folder, 'vitest.config.ts')}`],
};

const usage = `Usage: node scripts/test-hardening.mjs [--long] [${Object.keys(steps).join('|')}]...

  sanitize  all tests with the add-on built with sanitizers
  fuzz      libFuzzer on the add-on
  test      the tests of test/hardening: properties, random calls, valgrind
  --long    fuzzing and random calls take ten times as long

Without steps all of them run.`;

const { values, positionals } = readCommandLine(usage, {
  allowPositionals: true,
  options: { long: { type: 'boolean' } },
});
const times = values.long ? 10 : 1;
const chosen = positionals.length > 0 ? positionals : Object.keys(steps);
const unknown = chosen.filter((name) => !(name in steps));
if (unknown.length > 0) refuseWith(usage)(`Unknown steps: ${unknown.join(', ')}`);

const needed = { 'clang-14': 'clang-14 libclang-rt-14-dev', cmake: 'cmake', valgrind: 'valgrind' };
const missing = Object.keys(needed).filter((program) => spawnSync(program, ['--version']).error);
if (missing.length > 0) {
  const packages = missing.map((program) => needed[program]).join(' ');
  console.error(`Not found: ${missing.join(' and ')}. apt-get install ${packages}`);
  process.exit(1);
}

function runStep(name) {
  const began = performance.now();
  const env = { LIBSYSTEMD_CALLS: String(1_000_000 * times), ...process.env };
  const command = steps[name](times);
  const { status } = spawnSync(process.execPath, command, { cwd: root, env, stdio: 'inherit' });
  const seconds = Math.round((performance.now() - began) / 1000);
  if (status !== 0) process.exitCode = 1;
  return `${name}: ${status === 0 ? 'passed' : 'failed'} after ${seconds} s`;
}

console.log(chosen.map(runStep).join('\n'));
