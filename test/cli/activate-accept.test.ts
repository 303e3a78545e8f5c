// `libsystemd activate --accept`: a program for each connection.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freePort } from '../auto/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Launched, project, runs } from './launched.ts';

const folder = project(temporaryFolder(), {
  'greets.mjs': `
    import { connection } from 'libsystemd';
    import { sd_notify } from 'libsystemd/sd';
    const { REMOTE_ADDR, REMOTE_PORT } = process.env;
    const socket = await connection();
    sd_notify(false, 'STATUS=Serving\\x1b[2J');
    socket.on('data', (text) => process.exit(Number(text)));
    socket.write(\`hello \${REMOTE_ADDR}:\${REMOTE_PORT}\`);
  `,
});
const path = join(folder, 'a.sock');

const launch = (...args: readonly string[]) => new Launched(args, { cwd: folder });
const GREETS = ['--type', 'simple', '--', process.execPath, 'greets.mjs'];
const ECHOES = ['--inetd', '--', 'cat'];

/** The port of the first socket. */
const portOf = async (launched: Launched): Promise<number> => {
  const { sockets } = (await launched.until('listening')) as unknown as {
    sockets: [{ port: number }];
  };
  await launched.until('waiting');
  return sockets[0].port;
};

async function answer(socket: Socket, sent?: string): Promise<string> {
  if (sent !== undefined) socket.write(sent);
  const [data] = await once(socket.setEncoding('utf8'), 'data');
  return String(data);
}

describe('each connection', () => {
  test('has a program of its own, which is shown with the address of the client', async () => {
    await using launched = launch('--json', '--listen', 'chat=tcp', '--accept', ...GREETS);
    const port = await portOf(launched);
    const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')] as const;
    const answers = await Promise.all(clients.map((client) => answer(client)));
    const peers = clients.map(({ localPort }) => `127.0.0.1:${localPort}`);
    expect(answers).toEqual(peers.map((peer) => `hello ${peer}`));
    await launched.until('started', 2);
    const started = launched.all('started');
    expect(started.map(({ peer }) => peer).sort()).toEqual([...peers].sort());
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(2);
    clients[0].write('0');
    expect(await launched.until('exited')).toMatchObject({ code: 0, peer: peers[0] });
    clients[1].write('3');
    expect(await launched.until('exited', 2)).toMatchObject({
      pid: started.find(({ peer }) => peer === peers[1])?.['pid'],
      ...{ code: 3, peer: peers[1] },
    });
    expect(await launched.end('SIGINT')).toBe(0);
  });

  test('is standard input and output with --inetd, and of a Unix socket the client is a process', async () => {
    await using launched = launch('--listen', `echo=unix:${path}`, '--accept', ...ECHOES);
    await launched.says('waiting for the first connection');
    const client = connect(path);
    expect(await answer(client, 'hello')).toBe('hello');
    client.end();
    await launched.says('exited with 0');
    const lines = launched.stderr.split('\n');
    expect(lines).toEqual([
      ` echo  ${path}`,
      '  waiting for the first connection',
      expect.stringMatching(new RegExp(`^▶ cat \\(\\d+\\) · process ${process.pid}$`)),
      `  exited with 0 · process ${process.pid}`,
      '',
    ]);
  });

  test('is told of in lines that no program can forge', async () => {
    const types = ['--type', 'notify', '--', process.execPath, 'greets.mjs'];
    await using launched = launch('--listen', 'chat=tcp', '--accept', ...types);
    await launched.says('waiting');
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(launched.stderr) ?? [];
    const client = connect(Number(port), '127.0.0.1');
    await answer(client);
    await launched.says('  Serving\\x1b[2J · 127.0.0.1:');
    expect(launched.stderr).not.toContain('\x1b');
  });
});

test('SIGINT stops the programs of all connections', async () => {
  await using launched = launch('--json', '--listen', 'tcp', '--accept', ...ECHOES);
  const port = await portOf(launched);
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(clients.map((client) => answer(client, 'a')));
  await launched.until('started', 2);
  const pids = launched.all('started').map(({ pid }) => pid);
  expect(await launched.end('SIGINT')).toBe(0);
  expect(launched.all('stopping')).toHaveLength(2);
  expect(launched.all('exited')).toMatchObject([{ signal: 'SIGTERM' }, { signal: 'SIGTERM' }]);
  expect(pids.some(runs)).toBe(false);
});

test('--once ends with the program of the first connection, and its exit code', async () => {
  await using launched = launch('--json', '--once', '--listen', 'tcp', '--accept', ...GREETS);
  const client = connect(await portOf(launched), '127.0.0.1');
  await answer(client);
  client.write('7');
  expect(await launched.end()).toBe(7);
});

test('the units of Accept=yes are run as they are, with MaxConnections= and TriggerLimitBurst=', async () => {
  const port = await freePort();
  const files = {
    'echo@.service': '[Service]\nExecStart=/usr/bin/cat\nStandardInput=socket\n',
    'echo.socket': `[Socket]\nListenStream=127.0.0.1:${port}\nAccept=yes\nMaxConnections=1\nTriggerLimitBurst=2\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await using launched = launch('--unit', 'echo@.service');
  await launched.says('waiting for the first connection');
  const client = connect(port, '127.0.0.1');
  expect(await answer(client, 'hello')).toBe('hello');
  for (const text of ['! Too many incoming connections (1)', 'connections came too often (Trig']) {
    connect(port, '127.0.0.1').on('error', () => {});
    await launched.says(text);
  }
  client.end();
  expect(await launched.end()).toBe(1);
});

test.each([
  [['--accept', '--', 'cat'], '--accept waits for a connection, so it needs a --listen'],
  [['--inetd', '--listen', 'tcp', '--', 'cat'], '--inetd passes one connection to each program'],
  [['--accept', '--listen', 'udp', '--', 'cat'], '--accept: 127.0.0.1:0 (datagram) takes no conn'],
  [['--accept', '--watch', '--listen', 'tcp', '--', 'cat'], '--watch restarts a program, and with'],
])('%j is wrong input: one line, and exit code 2', async (args, message) => {
  await using launched = launch(...args);
  expect(await launched.end()).toBe(2);
  expect(launched.stderr).toMatch(/^libsystemd activate: .*\n$/);
  expect(launched.stderr).toContain(message);
});
