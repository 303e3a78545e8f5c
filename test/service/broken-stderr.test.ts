// A service whose standard error nobody reads any more, as after `systemctl stop systemd-journald`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { endAtFirstHang } from './first-hang.ts';

endAtFirstHang();

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Prints the number of warnings and of 'error' listeners on stderr, after 20 failed reloads. */
const source = `
  import http from 'node:http';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { serve } from 'libsystemd';
  let warnings = 0;
  process.on('warning', () => warnings++);
  const service = await serve(http.createServer(), {
    fallback: 0,
    reload() { throw new Error('no such option'); },
    status() { throw new Error('no text'); },
    exitTimeout: 100,
  });
  for (let i = 0; i < 20; i++) await service.reload().catch(() => sleep(5));
  process.stdout.write(JSON.stringify({ warnings, guards: process.stderr.listenerCount('error') }) + '\\n');
  setInterval(() => {}, 1000);
  await service.stop();
`;

const NODE = [process.execPath, '--input-type=module', '-e'];

/** Runs a command to its end. */
async function run(
  command: readonly string[],
  stderr: 'ignore' | 'closed' | number,
  env: NodeJS.ProcessEnv = {},
) {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', stderr === 'closed' ? 'pipe' : stderr],
  });
  children.push(child);
  child.stderr?.destroy();
  const ended = once(child, 'close');
  const stdout = await text(child.stdout as Readable);
  const [exitCode, signal] = await ended;
  return { stdout, exitCode, signal };
}

const goesOn = { stdout: '{"warnings":21,"guards":0}\n', exitCode: 0, signal: null };

describe('a service', () => {
  test('goes on when standard error is a closed pipe, and other listeners get each warning', async () => {
    expect(await run([...NODE, source], 'closed')).toEqual(goesOn);
  });

  test('goes on when standard error is a file on a full disk', async () => {
    const full = openSync('/dev/full', 'w');
    expect(await run([...NODE, source], full).finally(() => closeSync(full))).toEqual(goesOn);
  });

  test('goes on when standard error is a socket whose other end has closed, as that of the journal', async () => {
    const perl = `
      use Socket;
      socketpair(my $ours, my $journal, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
      close $journal; open(STDERR, '>&', $ours) or die; exec @ARGV;`;
    expect(await run(['perl', '-e', perl, ...NODE, source], 'ignore')).toEqual(goesOn);
  });

  test('goes on when listen() warns of fallbacks on a closed pipe', async () => {
    const fallsBack = `
      import http from 'node:http';
      import { listen } from 'libsystemd';
      const warnings = new Set();
      process.on('warning', ({ code }) => warnings.add(code));
      for (let i = 0; i < 20; i++) {
        const server = http.createServer();
        await listen(server, { fallback: 0 });
        await new Promise((resolve) => server.close(resolve));
      }
      process.stdout.write(JSON.stringify([...warnings]));
    `;
    expect(await run([...NODE, fallsBack], 'closed', { LISTEN_FDS: '1' })).toEqual({
      stdout: '["ERR_SYSTEMD_NOT_ACTIVATED"]',
      exitCode: 0,
      signal: null,
    });
  });

  test('ends as usual when the program itself writes to standard error, a closed pipe', async () => {
    const own = source.replace(
      'process.stdout.write(JSON',
      "await sleep(50); process.stderr.write('own'); await sleep(5_000); process.stdout.write(JSON",
    );
    const { exitCode, stdout } = await run([...NODE, own], 'closed');
    expect([exitCode, stdout]).toEqual([1, '']);
  });
});
