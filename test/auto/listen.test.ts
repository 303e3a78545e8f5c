// Every kind of server and every form of listen(): with `libsystemd/auto` the program sees what it sees without, and
// systemd's socket is served.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Line } from '../service/support.ts';
import { certificate } from '../support/certificate.ts';
import { Client } from '../support/client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort, startAuto, untilReady } from './support.ts';

const { key, cert } = certificate();
const tlsOptions = `{ key: fs.readFileSync('${key}'), cert: fs.readFileSync('${cert}') }`;

const KINDS = {
  net: 'net.createServer((socket) => socket.end("HTTP/1.1 200 OK\\r\\n\\r\\ndone"))',
  http: 'http.createServer(answer)',
  https: `https.createServer(${tlsOptions}, answer)`,
  h2c: 'http2.createServer((request, response) => response.end("done"))',
  http2: `http2.createSecureServer({ ...${tlsOptions}, allowHTTP1: true }, answer)`,
  tls: `tls.createServer(${tlsOptions}, (socket) => socket.end("HTTP/1.1 200 OK\\r\\n\\r\\ndone"))`,
} as const;

const BY_PORT = {
  port: 'server.listen(PORT)',
  'port and callback': 'server.listen(PORT, called)',
  'port and host': "server.listen(PORT, '127.0.0.1', called)",
  'port, host and backlog': "server.listen(PORT, '0.0.0.0', 64, called)",
  'port as a text': 'server.listen(String(PORT), called)',
  'port and a name that is looked up': "server.listen(PORT, 'localhost', called)",
  'options with port': 'server.listen({ port: PORT }, called)',
  'options with port, host and backlog':
    "server.listen({ port: PORT, host: '127.0.0.1', backlog: 5, exclusive: true }, called)",
  'options with a signal':
    'server.listen({ port: PORT, signal: new AbortController().signal }, called)',
} as const;

const BY_PATH = {
  path: 'server.listen(PATH, called)',
  'path and backlog': 'server.listen(PATH, 64, called)',
  'options with path': 'server.listen({ path: PATH, readableAll: true }, called)',
  'a relative path': 'process.chdir(FOLDER); server.listen("./s", called)',
} as const;

/** Each kind with the two commonest forms, and each form with http: 28 combinations with {fd}. */
const combinations = [
  ...Object.keys(KINDS).flatMap((kind) => [
    [kind, 'port and callback'],
    [kind, 'path'],
  ]),
  ...Object.keys(BY_PORT).map((form) => ['http', form]),
  ...Object.keys(BY_PATH).map((form) => ['http', form]),
  ['net', 'options with port'],
  ['https', 'options with path'],
] as [keyof typeof KINDS, keyof typeof BY_PORT | keyof typeof BY_PATH][];

/** Listens, and prints what the program sees, in order. */
const source = (kind: keyof typeof KINDS, call: string) => `
  const server = ${KINDS[kind]};
  const called = () => say({ called: true, listening: server.listening });
  server.once('listening', () => say({ event: 'listening' }));
  server.on('error', ({ code }) => say({ error: code }));
  const returned = ${call};
  say({ returned: returned === server, listening: server.listening });
  server.once('listening', () => {
    try { server.listen(0); } catch ({ code }) { say({ again: code }); }
    const address = server.address();
    say({ address: typeof address === 'string' ? 'path' : address.port === PORT });
    say({ end: true });
  });
  process.on('SIGUSR2', () => process.exit());
`;

async function run(kind: keyof typeof KINDS, call: string, isActivated: boolean) {
  const [folder, port] = [temporaryFolder(), await freePort()];
  const path = join(folder, 's');
  const spec = call.includes('PORT') ? `tcp:127.0.0.1:${port}` : `unix:${path}`;
  const constants = `const [PORT, PATH, FOLDER] = ${JSON.stringify([port, path, folder])};`;
  const service = await startAuto(constants + source(kind, call), {
    specs: isActivated ? [spec] : [],
    ...(isActivated ? {} : { by: undefined, fds: 'none', pid: 'none' }),
  });
  await service.readUntil((line) => line.end === true);
  const lines: readonly Line[] = service.lines;
  return { service, lines, at: call.includes('PORT') ? { host: '127.0.0.1', port } : { path } };
}

describe.concurrent('a server that is to listen gets the socket of systemd', () => {
  test.each(combinations)('%s, by %s', async (kind, form) => {
    const call = { ...BY_PORT, ...BY_PATH }[form];
    const plain = await run(kind, call, false);
    await using _ = plain.service;
    const { service, lines, at } = await run(kind, call, true);
    await using __ = service;
    expect(lines).toEqual(plain.lines);
    expect(lines).toContainEqual({ again: 'ERR_SERVER_ALREADY_LISTEN' });
    expect(await untilReady(service)).toMatch(/^READY=1\nSTATUS=Serving on (127\.0\.0\.1:|\/)/);
    using client = kind === 'h2c' ? undefined : await dial(kind, at);
    client?.get('/0');
    await client?.until('done');
  });

  const dial = (kind: string, at: Parameters<typeof Client.connect>[0]) =>
    ['https', 'http2', 'tls'].includes(kind) ? Client.connectTls(at) : Client.connect(at);

  test.each(['net', 'http', 'https'] as const)('%s, by the inherited descriptor', async (kind) => {
    const port = await freePort();
    const call = 'server.listen({ fd: 3 }, called)';
    const service = await startAuto(`const PORT = ${port}; ${source(kind, call)}`, {
      specs: [`tcp:127.0.0.1:${port}`],
    });
    await using _ = service;
    await service.readUntil((line) => line.end === true);
    await untilReady(service);
    using client = await dial(kind, { host: '127.0.0.1', port });
    client.get('/0');
    await client.until('done');
  });
});

test.concurrent('an http server serves an HTTP/2 client', async () => {
  const { service, at } = await run('h2c', BY_PORT.port, true);
  await using _ = service;
  const { connect } = await import('node:http2');
  const session = connect(`http://127.0.0.1:${(at as { port: number }).port}`);
  const stream = session.request({ ':path': '/' });
  let body = '';
  for await (const chunk of stream) body += chunk;
  expect(body).toBe('done');
  session.close();
});

describe.concurrent('the queue of connections', () => {
  test.each([
    ['stays as the unit has set it', 'server.listen(PORT)', 1000],
    ['stays when the program wants a shorter one', 'server.listen(PORT, "127.0.0.1", 5)', 1000],
    [
      'grows when the program wants a longer one',
      'server.listen({ port: PORT, backlog: 2000 })',
      2000,
    ],
  ])('%s', async (_name, call, expected) => {
    const port = await freePort();
    const program = `
      import { acceptQueue } from 'libsystemd';
      const PORT = ${port};
      const server = http.createServer(answer);
      ${call};
      server.once('listening', () => setTimeout(() => say({ limit: acceptQueue(3).limit }), 50));
    `;
    await using service = await startAuto(program, {
      specs: [`tcp:127.0.0.1:${port},backlog=1000`],
    });
    const { limit } = await service.readUntil((line) => 'limit' in line);
    expect(limit).toBe(expected);
  });
});

describe.concurrent('a socket of dgram that is to bind gets the socket of systemd', () => {
  const forms = {
    port: 'socket.bind(PORT)',
    'port and callback': 'socket.bind(PORT, called)',
    'port, address and callback': "socket.bind(PORT, '127.0.0.1', called)",
    'options and callback': "socket.bind({ port: PORT, address: '127.0.0.1' }, called)",
    'port as a text': 'socket.bind(String(PORT), called)',
  };
  const program = (call: string) => `
    const socket = dgram.createSocket('udp4');
    const called = () => say({ called: true });
    socket.on('listening', () => say({ event: 'listening', isPort: socket.address().port === PORT }));
    socket.on('message', (message, { port }) => socket.send('re: ' + message, port, () => say({ end: true })));
    const returned = ${call};
    say({ returned: returned === socket });
    try { socket.bind(0); } catch ({ code }) { say({ again: code }); }
    ${/* The program asks itself, so that both runs are alike. */ ''}
    socket.once('listening', () => {
      const client = dgram.createSocket('udp4').unref();
      client.send('hello', PORT, '127.0.0.1');
      client.once('message', (message) => say({ answer: String(message) }));
    });
  `;

  test.each(Object.entries(forms))('by %s', async (_name, call) => {
    const runs = [true, false].map(async (isActivated) => {
      const port = await freePort();
      const specs = isActivated ? [`udp:127.0.0.1:${port}`] : [];
      const options = isActivated ? {} : ({ by: undefined, fds: 'none', pid: 'none' } as const);
      const source = `const PORT = ${port};${program(call)}`;
      await using service = await startAuto(source, { specs, ...options });
      await service.readUntil((line) => 'answer' in line);
      if (isActivated) await untilReady(service);
      return service.lines.filter((line) => !line.end);
    });
    const [activated, plain] = await Promise.all(runs);
    expect(activated).toEqual(plain);
    expect(activated).toContainEqual({ answer: 're: hello' });
  });
});

test.concurrent('without a free descriptor a server emits the error, and can listen later', async () => {
  const port = await freePort();
  const program = `
    const server = http.createServer(answer);
    server.on('error', ({ code }) => say({ error: code }));
    server.on('listening', () => say({ listening: server.address().port }));
    const open = [];
    try { for (;;) open.push(fs.openSync('/dev/null')); } catch {}
    server.listen(${port});
    server.once('error', () => {
      for (const fd of open) fs.closeSync(fd);
      server.listen(${port});
    });
  `;
  await using service = await startAuto(program, { specs: [`tcp:127.0.0.1:${port}`] });
  await untilReady(service);
  await service.readUntil((line) => 'listening' in line);
  expect(service.lines).toEqual([{ error: 'EMFILE' }, { listening: port }]);
});
