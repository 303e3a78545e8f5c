import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

test('the demo shows the descriptors, the answers and the notifications, and ends by itself', async () => {
  const { stdout } = await run(process.execPath, ['examples/demo/demo.mjs'], { cwd: root });
  expect(stdout).toMatch(/^ +3 {2}web +socket {2}inet +stream {2}127\.0\.0\.1:\d+ +4096$/m);
  expect(stdout).toMatch(/^ +4 {2}admin +socket {2}unix +stream {2}\/\S+\/admin\.sock +4096$/m);
  expect(stdout.match(/200 Hello from systemd/g)).toHaveLength(2);
  for (const message of ['READY=1', 'STATUS=', 'WATCHDOG=1', 'STOPPING=1']) {
    expect(stdout).toContain(message);
  }
});
