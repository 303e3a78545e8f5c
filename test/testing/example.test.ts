// The suites of examples/tested-daemon, which users copy.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

const example = join(root, 'examples', 'tested-daemon');

/** The environment of a shell, because node:test and vitest tell their children by variables what they are. */
const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

test.each([
  ['node:test', [process.execPath, '--test', 'test/counter.node-test.mjs'], /^# pass 2$/m],
  ['vitest', [join(root, 'node_modules/.bin/vitest'), 'run'], /2 passed/],
  [
    'threads of vitest',
    [join(root, 'node_modules/.bin/vitest'), 'run', '--pool=threads'],
    /2 passed/,
  ],
] as const)('passes in %s', async (_runner, [program, ...args], passed) => {
  const { stdout } = await run(program, args, { cwd: example, env });
  expect(stdout).toMatch(passed);
});
