// `libsystemd activate` as a developer sees it: what it starts, what it says, how it ends, and what it leaves behind.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { freePort } from '../auto/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Launched, PATIENCE, project, runs } from './launched.ts';

/** A server that says READY=1 and drains. It answers with its pid, and with /env what it was started with. */
const SERVER = `
import http from 'node:http';
import { serve } from 'libsystemd';
const { env, argv, pid } = process;
const environment = { ...env };
const server = http.createServer((request, response) => {
  const what = request.url === '/env' ? { environment, argv, pid, cwd: process.cwd() } : pid;
  response.end(JSON.stringify(what));
});
console.log('to stdout');
console.error('to stderr');
await serve(server, {});
`;

const folder = project(temporaryFolder(), {
  'server.mjs': SERVER,
  'two.mjs': `
    import http from 'node:http';
    import { serve } from 'libsystemd';
    const [web, admin] = [http.createServer(), http.createServer()];
    await serve([{ server: web, name: 'web' }, { server: admin, name: 'admin' }], {});
  `,
  'reloads.mjs': `
    import http from 'node:http';
    import { serve } from 'libsystemd';
    await serve(http.createServer(), { reload: () => {}, status: () => 'Working' });
  `,
  'exits.mjs': `
    import { notify } from 'libsystemd';
    notify.ready('Working');
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.exit(Number(process.argv[2]));
  `,
  'empty.service': '[Service]\n',
  'cat.service': '[Service]\nExecStart=/bin/cat\n',
  'alone@.service': '[Service]\nExecStart=/bin/cat\n',
  'echo@.service': '[Service]\nExecStart=/bin/cat\nStandardInput=socket\n',
  'echo.socket': '[Socket]\nListenStream=127.0.0.1:0\nAccept=yes\n',
  'flood.mjs': `
    import { sd_notify, sd_notify_barrier } from 'libsystemd/sd';
    sd_notify(false, 'READY=1');
    for (let i = 0; i < 10_000; i++) {
      sd_notify(false, 'STATUS=' + String(i).padEnd(4000, '-'));
      if (i % 100 === 0) sd_notify_barrier(false, 20_000_000n);
    }
  `,
  'repeats.mjs': `
    import { sd_notify } from 'libsystemd/sd';
    sd_notify(false, 'READY=1');
    for (let i = 0; i < 50; i++) sd_notify(false, 'READY=1' + ' '.repeat(i + 1));
  `,
  'never-ready.mjs': `setInterval(() => {}, 1000);`,
  'deaf.mjs': `
    import { notify } from 'libsystemd';
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});
    setInterval(() => {}, 1000);
    notify.ready();
  `,
  'wrong.mjs': `
    import { sd_notify } from 'libsystemd/sd';
    sd_notify(false, 'STATUS=\\x1b[2Jred');
    sd_notify(false, 'READY=1 ');
    sd_notify(false, 'READY=1');
    setTimeout(() => {}, 50);
  `,
  'in-order.mjs': `
    import { writeFileSync } from 'node:fs';
    import { notify } from 'libsystemd';
    process.on('SIGUSR2', () => notify.status('again'));
    process.on('SIGTERM', () => {
      writeFileSync('in-order.log', '');
      process.exit();
    });
    setInterval(() => {}, 1000);
    notify.ready();
  `,
  'once.mjs': `
    import http from 'node:http';
    import { listen, notify } from 'libsystemd';
    const server = http.createServer((request, response) => {
      response.setHeader('connection', 'close').end(String(process.pid), () => server.close());
    });
    await listen(server);
    notify.ready();
  `,
});

const cwd = folder;
const node = (...args: readonly string[]) => ['--', process.execPath, ...args];
const launch = (...args: readonly string[]) => new Launched(args, { cwd });

interface Told {
  readonly environment: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  readonly pid: number;
  readonly cwd: string;
}

describe('the program', () => {
  test('gets its sockets with their names, the environment and folder of the launcher, and its own pid', async () => {
    const env = { HELLO: 'world', LISTEN_FDS: '7', LISTEN_PID: '1', NOTIFY_SOCKET: '@elsewhere' };
    const args = ['--json', '--listen', 'http=tcp', ...node('server.mjs', 'one', 'two words')];
    await using launched = new Launched(args, { cwd, env });
    await launched.until('ready');
    const told = (await (await fetch(`${launched.url}/env`)).json()) as Told;
    expect(told.environment).toMatchObject({
      HELLO: 'world',
      PATH: process.env['PATH'],
      LISTEN_FDS: '1',
      LISTEN_FDNAMES: 'http',
      LISTEN_PID: String(told.pid),
      NOTIFY_SOCKET: expect.stringContaining('/libsystemd-'),
    });
    expect(told.argv.slice(2)).toEqual(['one', 'two words']);
    expect(told.cwd).toBe(cwd);
    expect(told.pid).toBe((await launched.until('started'))['pid']);
  });

  test('writes to the standard output and standard error of the launcher', async () => {
    await using launched = launch('--listen', 'tcp', ...node('server.mjs'));
    await launched.says('  ready ');
    expect(launched.stdout).toBe('to stdout\n');
    expect(launched.stderr).toContain('to stderr\n');
  });

  test('leaves standard output to the events with --json', async () => {
    await using launched = launch('--json', '--listen', 'tcp', ...node('server.mjs'));
    await launched.until('ready');
    expect(launched.stderr).toBe('to stdout\nto stderr\n');
    expect(launched.events.length).toBeGreaterThan(2);
  });

  test('is told to have reloaded, with its status, whenever it has', async () => {
    await using launched = launch('--json', '--listen', 'tcp', ...node('reloads.mjs'));
    const { pid } = await launched.until('ready');
    for (let count = 1; count < 3; count++) {
      process.kill(pid as number, 'SIGHUP');
      const { after, ...told } = await launched.until('reloaded', count);
      expect(told).toEqual({ event: 'reloaded', pid, status: 'Working' });
      expect(after).toBeGreaterThan(0);
    }
    expect(launched.all('ready')).toHaveLength(1);
  });

  test('is killed when it is not stopped within --stop-timeout', async () => {
    await using launched = launch('--json', '--stop-timeout', '300ms', ...node('deaf.mjs'));
    const { pid } = await launched.until('ready');
    expect(await launched.end('SIGTERM')).toBe(1);
    expect(launched.events.at(-1)).toMatchObject({
      event: 'exited',
      signal: 'SIGKILL',
      result: 'timeout',
    });
    expect(runs(pid)).toBe(false);
  });

  test('may stop for ever with a --stop-timeout of 0', async () => {
    const source =
      'process.on("SIGTERM", () => setTimeout(process.exit, 300)); setTimeout(() => {}, 60_000); console.log(1)';
    const args = ['--type', 'exec', '--stop-timeout', '0', ...node('-e', source)];
    await using launched = launch(...args);
    await expect.poll(() => launched.stdout, { timeout: PATIENCE }).toBe('1\n');
    expect(await launched.end('SIGTERM'), launched.stderr).toBe(0);
  });

  test('is killed by its watchdog when it never pings', async () => {
    await using launched = launch('--json', '--watchdog', '200ms', ...node('deaf.mjs'));
    expect(await launched.end()).toBe(128 + 6);
    expect(launched.events.at(-1)).toMatchObject({ signal: 'SIGABRT', result: 'watchdog' });
  });
});

describe('the sockets', () => {
  test.each([
    ['PORT', '127.0.0.1:PORT', 'http://127.0.0.1:PORT'],
    ['web=127.0.0.1:PORT', '127.0.0.1:PORT', 'http://127.0.0.1:PORT'],
    ['web=[::1]:PORT', '[::1]:PORT', 'http://[::1]:PORT'],
    ['web=0.0.0.0:PORT', '0.0.0.0:PORT', 'http://127.0.0.1:PORT'],
    ['web=[::]:PORT', '[::]:PORT', 'http://[::1]:PORT'],
    [`web=unix:${folder}/a.sock`, `${folder}/a.sock`, undefined],
  ])('%s is %s', async (...words) => {
    const free = String(await freePort());
    const [listen = '', text = '', url] = words.map((word) => word?.replace('PORT', free));
    await using launched = launch('--json', '--listen', listen, ...node('server.mjs'));
    await launched.until('ready');
    expect(launched.events[0]).toMatchObject({ sockets: [{ text, ...(url && { url }) }] });
    const isOpen = /^(0\.0\.0\.0|\[::\])/.test(text);
    expect(JSON.stringify(launched.events[0]).includes('"everyInterface":true')).toBe(isOpen);
    const port = /:(\d+)$/.exec(text)?.[1];
    const client = createConnection(
      port === undefined
        ? { path: text }
        : { port: Number(port), host: text.startsWith('[') ? '::1' : '127.0.0.1' },
    );
    await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
    client.destroy();
  });

  test('of a lazy launcher start the program at the first connection', async () => {
    await using launched = launch('--json', '--lazy', '--listen', 'tcp', ...node('server.mjs'));
    await launched.until('waiting');
    await sleep(200);
    expect(launched.all('started')).toEqual([]);
    expect(await (await fetch(launched.url)).json()).toEqual(
      (await launched.until('started'))['pid'],
    );
  });

  test('start the program again by the next connection when it has ended in order', async () => {
    await using launched = launch('--json', '--listen', 'tcp', ...node('once.mjs'));
    await launched.until('ready');
    const pids = [];
    for (let i = 1; i <= 3; i++) {
      pids.push(Number(await (await fetch(launched.url)).text()));
      expect(await launched.until('exited', i)).toMatchObject({ code: 0, next: 'connection' });
    }
    expect(new Set(pids).size).toBe(3);
  });

  test('give up on a program that never takes the connection, as systemd does', async () => {
    await using launched = launch('--json', '--listen', 'tcp', '--type', 'exec', '--', 'true');
    await launched.until('exited');
    const client = createConnection(Number(new URL(launched.url).port), '127.0.0.1');
    client.on('error', () => undefined);
    expect(await launched.end()).toBe(1);
    expect(launched.events.at(-1)).toEqual({
      event: 'given-up',
      why: 'it was started too often (StartLimitBurst=)',
    });
    expect(launched.all('started')).toHaveLength(5);
  });

  test('that nobody can wait for make it give up', async () => {
    await using launched = launch('--lazy', '--listen', 'special:/etc/passwd', '--', 'true');
    expect(await launched.end()).toBe(1);
    expect(launched.stderr).toContain('✖ its sockets cannot be waited for: one is a regular file');
  });

  test('that are in use make it fail with one line', async () => {
    await using first = launch('--json', '--listen', 'tcp', ...node('server.mjs'));
    await first.until('listening');
    const address = new URL(first.url).host;
    await using second = launch('--listen', address, ...node('server.mjs'));
    expect(await second.end()).toBe(1);
    expect(second.stderr).toMatch(/^libsystemd activate: EADDRINUSE: .*\n$/);
    expect(second.stderr).toContain(address);
  });
});

test('what to change is said in the words of this command', async () => {
  await using launched = launch('--once', '--', 'true');
  await launched.end();
  expect(launched.stderr).toContain('or use Type=oneshot (--type oneshot) for a program that ends');
  expect(launched.stderr).not.toContain('({');
});

describe('the exit code', () => {
  const cases: readonly [what: string, args: readonly string[], code: number][] = [
    ["is the program's: 0", ['--once', ...node('exits.mjs', '0')], 0],
    ["is the program's: 7", ['--once', ...node('exits.mjs', '7')], 7],
    ["is the program's without --once, when nothing can start it again", node('exits.mjs', '7'), 7],
    [
      "is a shell's for a program that SIGKILL has ended",
      node('-e', 'process.kill(process.pid, 9)'),
      137,
    ],
    [
      'is 0 for a program that SIGTERM has ended',
      ['--type', 'exec', ...node('-e', 'process.kill(process.pid)')],
      0,
    ],
    ['is 203 for a program that is not there', ['--', 'no-such-program'], 203],
    ['is 0 for a program with problems', node('wrong.mjs'), 0],
    ['is 1 for a program with problems and --strict', ['--strict', ...node('wrong.mjs')], 1],
    ['is 2 for a wrong address', ['--listen', 'localhost:80', ...node('exits.mjs', '0')], 2],
    ['is 2 for a wrong time', ['--watchdog', '5 hectares', ...node('exits.mjs', '0')], 2],
    ['is 2 for a wrong type', ['--type', 'forking', ...node('exits.mjs', '0')], 2],
    ['is 2 for a path that does not exist', ['--watch-path', 'no', ...node('exits.mjs', '0')], 2],
    ['is 2 for --lazy without a socket', ['--lazy', ...node('exits.mjs', '0')], 2],
    ['is 2 for --lazy and a unit file without a socket', ['--lazy', '--unit', 'cat.service'], 2],
    ['is 2 for --accept and one without a socket', ['--accept', '--unit', 'cat.service'], 2],
    [
      'is 2 for a datagram socket and Accept=yes',
      ['--unit', 'echo@.service', '--listen', 'udp'],
      2,
    ],
    ['is 2 without a program', [], 2],
    ['is 2 for a unit file that is not there', ['--unit', 'no.service'], 2],
    ['is 2 for a socket unit', ['--unit', 'echo.socket'], 2],
    ['is 2 for a template that no connection starts', ['--unit', 'alone@.service'], 2],
    ['is 2 for a unit file without a program', ['--unit', 'empty.service'], 2],
  ];

  test.each(cases)('%s', async (_, args, code) => {
    await using launched = launch(...args);
    expect(await launched.end(), launched.stderr).toBe(code);
    if (code === 2) expect(launched.stderr).toMatch(/^libsystemd activate: .*\n$/);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'is 0 when %s has stopped it',
    async (signal) => {
      await using launched = launch('--json', '--listen', 'tcp', ...node('server.mjs'));
      const { pid } = await launched.until('ready');
      expect(await launched.end(signal)).toBe(0);
      expect(launched.events.at(-1)).toMatchObject({ event: 'exited', code: 0, next: 'end' });
      expect(runs(pid)).toBe(false);
    },
  );

  test('is 130 when the second Ctrl-C has killed it', async () => {
    await using launched = launch('--json', ...node('deaf.mjs'));
    const { pid } = await launched.until('ready');
    launched.child.kill('SIGINT');
    await launched.until('stopping');
    await sleep(400);
    expect(await launched.end('SIGINT')).toBe(130);
    expect(launched.events.at(-1)).toEqual({ event: 'killing' });
    expect(runs(pid)).toBe(false);
  });

  // Two signals of one kind that come at once are one for the kernel. So the second, which is npx's, is another here.
  test('is 0 for a Ctrl-C that npx sends a second time', async () => {
    await using launched = launch('--json', '--listen', 'tcp', ...node('server.mjs'));
    await launched.until('ready');
    launched.child.kill('SIGINT');
    expect(await launched.end('SIGTERM')).toBe(0);
  });
});

describe('what it says', () => {
  test('names the sockets, the program, its readiness and its end', async () => {
    const sockets = ['--listen', 'web=tcp', '--listen', `admin=unix:${folder}/b.sock`];
    await using launched = launch(...sockets, ...node('two.mjs'));
    await launched.says('  ready ');
    await launched.end('SIGINT');
    const [web, admin, started, ...more] = launched.stderr.split('\n');
    expect(web).toMatch(/^ web {4}http:\/\/127\.0\.0\.1:\d+$/);
    expect(admin).toBe(` admin  ${folder}/b.sock`);
    expect(started).toMatch(/^▶ .*node two\.mjs \(\d+\)$/);
    expect(more).toEqual([
      expect.stringMatching(/^ {2}ready \d+\.\d\d s · Serving on /),
      '  stopping (SIGTERM)',
      '  Stopping: SIGTERM',
      '  exited with 0',
      '',
    ]);
  });

  test('shows lines without effect, and problems with what to change', async () => {
    await using launched = launch(...node('wrong.mjs'));
    await launched.end();
    expect(launched.stderr).toContain('  READY=1␠  ignored: ');
    expect(launched.stderr).toMatch(/^! .*READY=1␠.* \[near-miss\]\n {2}Send READY=1/m);
    expect(launched.stderr).toContain('  \\x1b[2Jred\n');
    expect(launched.stderr).not.toContain('\x1b');
  });

  test('says when READY=1 does not come', async () => {
    await using launched = launch(...node('never-ready.mjs'));
    await launched.says('! not ready after 5.00 s: READY=1 has not come\n');
    await launched.says('--type exec');
  });

  test('says by then that a shell stands between, while the program runs', async () => {
    const shell = ['/bin/sh', '-c', '"$@"; true', 'sh', process.execPath, 'never-ready.mjs'];
    await using launched = launch('--listen', 'web=tcp', '--', ...shell);
    await launched.says('! not ready after');
    await launched.says('[listen-pid]');
  });

  test('says nothing of READY=1 to a program of --type oneshot, however long it takes', async () => {
    await using launched = launch('--type', 'oneshot', '--once', '--', 'sleep', '5.5');
    expect(await launched.end()).toBe(0);
    expect(launched.stderr).not.toContain('not ready');
  });

  test.each([
    ['stderr', []],
    ['stdout', ['--json']],
  ] as const)(
    'may have no reader of %s any more: then the program is stopped in order',
    async (stream, args) => {
      rmSync(join(folder, 'in-order.log'), { force: true });
      await using launched = launch(...args, ...node('in-order.mjs'));
      await expect
        .poll(() => launched.stdout + launched.stderr, { timeout: PATIENCE })
        .toContain('ready');
      const [, pid] =
        /"pid":(\d+)|\((\d+)\)/.exec(launched.stdout + launched.stderr)?.filter(Boolean) ?? [];
      launched.child[stream]?.destroy();
      process.kill(Number(pid), 'SIGUSR2');
      expect(await launched.end()).toBe(0);
      expect(existsSync(join(folder, 'in-order.log'))).toBe(true);
      expect(runs(pid)).toBe(false);
    },
  );

  test('of 40 MB of messages fits into 32 MB of memory', async () => {
    const env = { NODE_OPTIONS: '--max-old-space-size=32' };
    await using launched = new Launched(node('flood.mjs'), { cwd, env });
    expect(await launched.end(), launched.stderr.slice(-2000)).toBe(0);
    expect(launched.stderr).toContain('  9999---');
  });

  test('of one problem in 50 forms is ten of them, and that there are more', async () => {
    await using launched = launch('--json', ...node('repeats.mjs'));
    await launched.end();
    const problems = launched.all('problem');
    expect(problems).toHaveLength(11);
    expect(problems.at(-1)?.['message']).toMatch(/; others like it are not shown$/);
  });

  test('has nothing of that with --type exec', async () => {
    await using launched = launch('--type', 'exec', ...node('never-ready.mjs'));
    await launched.says('  ready ');
  });

  test('has an object a line with --json', async () => {
    await using launched = launch('--json', '--once', ...node('exits.mjs', '3'));
    await launched.end();
    const pid = launched.events[0]?.['pid'];
    expect(launched.events).toMatchObject([
      { event: 'started', pid, command: [process.execPath, 'exits.mjs', '3'] },
      { event: 'message', pid, text: 'READY=1\nSTATUS=Working', outcome: 'taken', fds: 0 },
      { event: 'ready', pid, after: expect.any(Number), status: 'Working' },
      { event: 'exited', pid, code: 3, signal: null, result: 'exit-code', next: 'end' },
    ]);
  });
});

describe('unit files', async () => {
  const port = await freePort();
  const files = {
    'app.service': `[Service]
Type=notify
ExecStart=${process.execPath} ${folder}/server.mjs
Environment=FROM=file
WorkingDirectory=${folder}
User=nobody
WatchdogSecs=5
`,
    'app.socket': `[Socket]
ListenStream=127.0.0.1:${port}
FileDescriptorName=web
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);

  test('are run as they are, and say what has no effect', async () => {
    await using launched = launch('--json', '--unit', 'app.service');
    await launched.until('ready');
    const file = join(folder, 'app.service');
    expect(launched.events.slice(0, 2)).toEqual([
      {
        event: 'ignored',
        settings: [{ key: 'User', value: 'nobody', file, line: 6, why: 'it is not applied here' }],
      },
      {
        event: 'unknown',
        settings: [
          { key: 'WatchdogSecs', value: '5', file, line: 7, why: 'systemd has no such setting' },
        ],
      },
    ]);
    const told = (await (await fetch(`http://127.0.0.1:${port}/env`)).json()) as Told;
    expect(told.environment).toMatchObject({ FROM: 'file', LISTEN_FDNAMES: 'web' });
  });

  test('run without a file of EnvironmentFile= that is not here, and say how to set its variables', async () => {
    const dropIn = join(folder, 'secret.service.d');
    mkdirSync(dropIn);
    writeFileSync(join(dropIn, 'here.conf'), '[Service]\nEnvironment=TOKEN=mine\n');
    const text = `${files['app.service']}EnvironmentFile=/nonexistent/secret.env\n`;
    writeFileSync(join(folder, 'secret.service'), text);
    const socket = `${files['app.socket']}Service=secret.service\n`;
    writeFileSync(join(folder, 'secret.socket'), socket);
    await using launched = launch('--unit', 'secret.service', '--listen', 'web=tcp');
    await launched.says('ready');
    expect(launched.stderr).toMatch(
      /^! secret\.service:8 has no effect here, EnvironmentFile=\/nonexistent\/secret\.env: .*ENOENT.*, so its variables are not set\n {2}A drop-in such as secret\.service\.d\/local\.conf sets them: Environment=NAME=value$/m,
    );
    const [url] = /http:\S+/.exec(launched.stderr) ?? [];
    const told = (await (await fetch(`${url}/env`)).json()) as Told;
    expect(told.environment).toMatchObject({ FROM: 'file', TOKEN: 'mine' });
  });

  test('take the address of a --listen of the same name, and the program after --', async () => {
    await using launched = launch(
      '--json',
      '--unit',
      'app.service',
      '--listen',
      'web=tcp',
      ...node('server.mjs', 'other'),
    );
    await launched.until('ready');
    const { sockets } = await launched.until('listening');
    const [{ url }] = sockets as [{ url: string }];
    expect(url).not.toContain(`${port}`);
    const told = (await (await fetch(`${url}/env`)).json()) as Told;
    expect(told.argv.at(-1)).toBe('other');
  });
});

describe('nothing is left behind', () => {
  const foldersOf = (pid: unknown) =>
    readdirSync(tmpdir()).filter(
      (name) =>
        name.startsWith('libsystemd-') &&
        existsSync(join(tmpdir(), name, '1', 'groups')) &&
        readFileSync(join(tmpdir(), name, '1', 'groups'), 'utf8').includes(`${pid}\n`),
    );

  test.each(['SIGKILL', 'SIGINT'] as const)(
    'after %s: no process, no folder, no port, no path',
    async (signal) => {
      const path = join(folder, 'made', 'deeply', 'left.sock');
      const sockets = ['--listen', 'web=tcp', '--listen', `admin=unix:${path}`];
      await using launched = launch('--json', ...sockets, ...node('two.mjs'));
      const { pid } = await launched.until('ready');
      expect(foldersOf(pid)).toHaveLength(1);
      expect(existsSync(path)).toBe(true);
      await launched.end(signal);
      await expect.poll(() => existsSync(join(folder, 'made')), { timeout: PATIENCE }).toBe(false);
      await expect.poll(() => runs(pid), { timeout: PATIENCE }).toBe(false);
      await expect.poll(() => foldersOf(pid), { timeout: PATIENCE }).toEqual([]);
      await expect(fetch(launched.url)).rejects.toThrow();
    },
  );
});
