// `npm run demo`, from start to end.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

/** The kernel's limit, because systemd asks for a larger backlog. */
const backlog = readFileSync('/proc/sys/net/core/somaxconn', 'utf8').trim();

test('the demo shows the descriptors, the answers and the notifications, and ends by itself', async () => {
  const { stdout } = await run(process.execPath, ['examples/demo/demo.mjs'], { cwd: root });
  const [web, admin] = ['127\\.0\\.0\\.1:\\d+', '/\\S+/admin\\.sock'];
  expect(stdout).toMatch(new RegExp(`^ +3 +web +socket +inet +stream +${web} +${backlog}$`, 'm'));
  expect(stdout).toMatch(
    new RegExp(`^ +4 +admin +socket +unix +stream +${admin} +${backlog}$`, 'm'),
  );
  expect(stdout.match(/200 Hello from systemd/g)).toHaveLength(2);
  for (const message of ['READY=1', 'STATUS=', 'WATCHDOG=1', 'STOPPING=1']) {
    expect(stdout).toContain(message);
  }
});
