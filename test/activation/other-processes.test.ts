import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ending, type LaunchOptions, launch, launchNode } from '../support/launch.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { withoutLibrary } from '../support/without-library.ts';

const folder = temporaryFolder();

const variables = `Object.entries(process.env).filter(([name]) => name.startsWith('LISTEN_'))`;

describe('a child of the service', () => {
  /** A service, which may call listenFds(), runs `child` in Node, and may pass fd 3 on to it. */
  async function runChild(child: string, { taken = true, stdio = '' } = {}): Promise<unknown> {
    const service = `
      import { execFileSync } from 'node:child_process';
      import { readlinkSync } from 'node:fs';
      import { listenFds } from 'libsystemd';
      ${taken ? 'listenFds();' : ''}
      const args = ['--input-type=module', '-e', ${JSON.stringify(child)}];
      const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'${stdio}] };
      const output = execFileSync(process.execPath, args, options);
      console.log(JSON.stringify({ socket: readlinkSync('/proc/self/fd/3'), child: JSON.parse(output) }));
    `;
    return (await launchNode(['tcp:127.0.0.1:0'], service, { names: 'web' })).result;
  }

  test('sees neither variables nor descriptors once listenFds() was called', async () => {
    const child = `
      import { readdirSync, readlinkSync } from 'node:fs';
      const links = readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          return readlinkSync('/proc/self/fd/' + fd);
        } catch {
          return []; // the folder itself, closed again
        }
      });
      console.log(JSON.stringify({ variables: ${variables}, links }));
    `;
    const result = (await runChild(child)) as { socket: string; child: { links: string[] } };
    expect(result.socket).toMatch(/^socket:\[\d+\]$/);
    expect(result.child).toMatchObject({ variables: [], links: expect.arrayContaining([]) });
    expect(result.child.links).not.toContain(result.socket);
  });

  test.each([
    ['inherited the variables', { taken: false }],
    ['inherited the variables and the socket as fd 3', { taken: false, stdio: ', 3' }],
    ['inherited the socket as fd 3', { stdio: ', 3' }],
  ])('gets [] when it merely %s', async (_what, inherited) => {
    const child = `
      import { listenFds } from 'libsystemd';
      console.log(JSON.stringify({ before: ${variables}.length, list: listenFds(), after: ${variables} }));
    `;
    const before = 'taken' in inherited ? 3 : 0;
    expect(await runChild(child, inherited)).toMatchObject({
      child: { before, list: [], after: [] },
    });
  });

  test('gets [] when it was forked with a channel, but is no cluster worker', async () => {
    const service = `
      import { fork } from 'node:child_process';
      const child = fork('test/activation/programs/list.mjs', { execArgv: [] });
      child.on('message', (message) => console.log(JSON.stringify(message)));
    `;
    const { result } = await launchNode(['tcp:127.0.0.1:0'], service);
    expect(result).toEqual({ variables: ['LISTEN_PID', 'LISTEN_FDS'], passed: [] });
  });
});

describe('a worker thread', () => {
  const thread = `
    import { Worker } from 'node:worker_threads';
    const source = \`
      import('libsystemd').then(({ listenFds }) => {
        const { parentPort } = process.getBuiltinModule('node:worker_threads');
        try {
          parentPort.postMessage({ passed: listenFds(), same: listenFds() === listenFds() });
        } catch ({ code, message }) {
          parentPort.postMessage({ code, message });
        }
      });
    \`;
    const inThread = () => new Promise((resolve, reject) => {
      new Worker(source, { eval: true }).on('message', resolve).on('error', reject);
    });
  `;

  test('has the list that the main thread has read before', async () => {
    const source = `${thread}
      import { listenFds } from 'libsystemd';
      const passed = listenFds();
      console.log(JSON.stringify({ passed, thread: await inThread() }));
    `;
    const { result } = await launchNode(['tcp:127.0.0.1:0', 'pipe'], source, { names: 'a:b' });
    const { passed, thread: told } = result as { passed: unknown[]; thread: unknown };
    expect(passed).toHaveLength(2);
    expect(told).toEqual({ passed, same: true });
  });

  test('throws ERR_SYSTEMD_THREAD when the main thread has not read LISTEN_*', async () => {
    const source = `${thread}
      import { listenFds } from 'libsystemd';
      const first = await inThread();
      console.log(JSON.stringify({ first, main: listenFds().length }));
    `;
    const { result } = await launchNode(['tcp:127.0.0.1:0'], source);
    expect(result).toEqual({
      first: {
        code: 'ERR_SYSTEMD_THREAD',
        message: expect.stringContaining('call listenFds() in the main thread'),
      },
      main: 1,
    });
  });
});

describe('with another process between the manager and node', () => {
  const source = `
    import { createServer } from 'node:net';
    import { listen, listenFd, listenFds } from 'libsystemd';
    const warnings = [];
    process.on('warning', ({ name, code, message }) => warnings.push({ name, code, message }));
    const pid = process.env.LISTEN_PID;
    const passed = [listenFds(), listenFd(), listenFd('web')];
    const server = createServer();
    const refused = await listen(server, { name: 'web' }).catch((error) => error);
    const { code, name, message } = refused;
    const [address] = await listen(server, { name: 'web', fallback: '${'FALLBACK'}' });
    server.close();
    await new Promise(setImmediate); // a warning comes on the next tick
    console.log(JSON.stringify({ pid, self: process.pid, passed, code, name, message, address, warnings, variables: ${variables} }));
  `;

  interface Result {
    readonly pid: string;
    readonly self: number;
    readonly message: string;
  }

  function inBetween(ending: Ending): Result {
    return JSON.parse(ending.stdout.trimEnd()) as Result;
  }

  function program(fallback: string): string[] {
    const text = source.replace('FALLBACK', fallback);
    return [process.execPath, '--input-type=module', '-e', text];
  }

  async function run(command: string[], options: LaunchOptions = {}): Promise<Ending> {
    return await launch(['tcp:127.0.0.1:0'], command, { cwd: root, ...options });
  }

  test('listen() rejects and names the process that was meant, or warns and uses the fallback', async () => {
    const fallback = join(folder, 'fallback.sock');
    const ending = await run(['sh', '-c', '"$0" "$@"; true', ...program(fallback)]);
    const result = inBetween(ending);
    const why = `The descriptors were passed to process ${result.pid} (sh), from which this process (${result.self}) descends: start node from the unit itself, or by exec, with neither npm nor a shell in between`;
    expect(result).toEqual({
      ...{ pid: expect.stringMatching(/^\d+$/), self: expect.any(Number), variables: [] },
      passed: [[], null, null],
      ...{ name: 'SystemdError', code: 'ERR_SYSTEMD_NOT_ACTIVATED' },
      message: `No descriptor "web" was passed to this process. ${why}`,
      address: { family: 'unix', path: fallback },
      warnings: [{ name: 'Warning', code: 'ERR_SYSTEMD_NOT_ACTIVATED', message: why }],
    });
    expect(ending.stderr).toContain(`[ERR_SYSTEMD_NOT_ACTIVATED] Warning: ${why}`);
  });

  test('the name of that process may contain parentheses and spaces', async () => {
    // The process's name is that of the file.
    const shell = join(folder, 'sh) 1 (x');
    const setUp = await launch([], ['cp', '/bin/sh', shell], { pid: 'none', fds: 'none' });
    expect(setUp).toMatchObject({ code: 0 });
    const command = [shell, '-c', '"$0" "$@"; true', ...program(join(folder, 'strange.sock'))];
    const { pid, message } = inBetween(await run(command));
    expect(message).toContain(`to process ${pid} (sh) 1 (x), from which`);
  });

  test('the name of that process cannot control the terminal of a reader', async () => {
    const shell = join(folder, '\x1b[2K\u202e\u009bé');
    const setUp = await launch([], ['cp', '/bin/sh', shell], { pid: 'none', fds: 'none' });
    expect(setUp).toMatchObject({ code: 0 });
    const command = [shell, '-c', '"$0" "$@"; true', ...program(join(folder, 'obeyed.sock'))];
    const { pid, message } = inBetween(await run(command));
    expect(message).toContain(`to process ${pid} (\\x1b[2K\\u{202e}\\x9bé), from which`);
  });

  test.each<[what: string, options: LaunchOptions]>([
    ['without LISTEN_PID', { pid: 'none' }],
    ['with an empty LISTEN_PID', { pid: '' }],
  ])('%s the error says that no process is meant', async (_what, options) => {
    const fallback = join(folder, `nobody-${options.pid}.sock`);
    const ending = await run(program(fallback), options);
    const result = JSON.parse(ending.stdout.trimEnd());
    const why =
      'LISTEN_FDS=1 is set without LISTEN_PID, which says for which process the descriptors are (watchexec and "systemfd --no-pid" leave it out): if they are for this one, start it by sh -c \'LISTEN_PID=$$ exec node server.mjs\'';
    expect(result).toMatchObject({
      passed: [[], null, null],
      code: 'ERR_SYSTEMD_NOT_ACTIVATED',
      message: `No descriptor "web" was passed to this process. ${why}`,
      address: { family: 'unix', path: fallback },
      warnings: [{ name: 'Warning', code: 'ERR_SYSTEMD_NOT_ACTIVATED', message: why }],
    });
  });

  test('the advice of that error works', async () => {
    const list = `import { listenFds } from 'libsystemd'; console.log(JSON.stringify(listenFds('web')));`;
    const node = [process.execPath, '--input-type=module', '-e', list];
    const command = ['sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"', ...node];
    const ending = await run(command, { pid: 'none', names: 'web' });
    expect(JSON.parse(ending.stdout)).toMatchObject([{ fd: 3, name: 'web' }]);
  });

  test('the error has both numbers when LISTEN_PID is no ancestor', async () => {
    const options = { pid: 99_999_999 };
    const result = inBetween(await run(program(join(folder, 'unrelated.sock')), options));
    const { self, message } = result;
    expect(message).toBe(
      `No descriptor "web" was passed to this process. LISTEN_PID names process 99999999, and this is process ${self}: the descriptors are not for this one`,
    );
  });

  test('by exec there is no process in between', async () => {
    const list = `
      import { listenFds } from 'libsystemd';
      console.log(JSON.stringify(listenFds()));
    `;
    const command = [process.execPath, '--input-type=module', '-e', list];
    const { stdout } = await run(['sh', '-c', 'true; exec "$0" "$@"', ...command]);
    expect(JSON.parse(stdout)).toMatchObject([{ fd: 3, kind: 'socket' }]);
  });
});

test('LISTEN_PIDFDID is removed with the other variables', async () => {
  const source = `
    import { listenFds } from 'libsystemd';
    listenFds();
    console.log(JSON.stringify(Object.keys(process.env).filter((name) => name.startsWith('LISTEN'))));
  `;
  const options = { pid: 99_999_999, env: { LISTEN_PIDFDID: '17' } };
  expect((await launchNode(['pipe'], source, options)).result).toEqual([]);
});

describe.each([
  ['with libsystemd, also one that does not read the variable', {}],
  ['without libsystemd', withoutLibrary()],
])('LISTEN_PIDFDID, %s', (_what, env) => {
  const source = `
    import { listenFds } from 'libsystemd';
    const outcome = () => {
      try { return listenFds().length } catch ({ code }) { return code }
    };
    console.log(JSON.stringify(outcome()));
  `;

  test.each([
    ['of another process: listenFds() is empty', '17', 0],
    ['that is malformed: listenFds() throws', 'junk', 'EINVAL'],
  ])('%s', async (_outcome, LISTEN_PIDFDID, outcome) => {
    const options = { env: { ...env, LISTEN_PIDFDID } };
    expect((await launchNode(['pipe'], source, options)).result).toBe(outcome);
  });

  test('of this process: listenFds() has the descriptors', async () => {
    // Descriptor 3 is a pidfd of the shell, which becomes Node.
    const script = 'LISTEN_PIDFDID=$(stat -Lc %i /proc/$$/fd/3) exec "$@"';
    const node = [process.execPath, '--input-type=module', '-e', source];
    const { stdout } = await launch(['pidfd', 'pipe'], ['sh', '-c', script, 'sh', ...node], {
      cwd: root,
      env,
    });
    expect(stdout).toBe('2\n');
  });
});

test.each([
  [256, 1],
  [64, 25],
])(
  'a service that may have only %i descriptors open (LimitNOFILE=) lists its %i, and opens no other',
  async (most, count) => {
    const list = `
    import { readdirSync } from 'node:fs';
    import { listenFds } from 'libsystemd';
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    console.log(JSON.stringify({ count: listenFds().length, more: open() - before }));
  `;
    const node = [process.execPath, '--input-type=module', '-e', list];
    const command = ['sh', '-c', `ulimit -n ${most}; exec "$0" "$@"`, ...node];
    const specs = new Array<string>(count).fill('tcp:127.0.0.1:0');
    const ending = await launch(specs, command, { cwd: root });
    expect(ending).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ending.stdout)).toEqual({ count, more: 0 });
  },
);
