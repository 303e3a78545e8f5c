// The usage of the project's own commands, asked for or after a wrong argument.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';

describe.each([
  ['bench/run.mjs', ['--only', 'nothing'], 'notify, check, inspect'],
  ['scripts/test-hardening.mjs', ['nothing'], '[sanitize|fuzz|test]'],
  ['scripts/mutate.mjs', ['lib/nothing'], '[--sample=NUMBER]'],
  ['scripts/mutate.mjs', ['--sample=few', 'lib/traffic'], '[--sample=NUMBER]'],
])('%s', (program, wrong, there) => {
  test.each([
    [['--help'], 0],
    [['--nothing'], 2],
    [wrong, 2],
  ])('given %j it prints what it can do, and exits with code %i', (args, code) => {
    const options = { cwd: root, encoding: 'utf8' } as const;
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...args], options);
    expect(code === 0 ? stdout : stderr).toContain(there);
    expect(stdout + stderr).not.toContain('    at ');
    expect(status).toBe(code);
  });
});
