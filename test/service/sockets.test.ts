// The sockets that each server of a service gets, and services with several sockets.
import { expect, test } from 'vitest';
import { exchange } from '../activation/clients.ts';
import { Client } from '../support/client.ts';
import type { Reachable } from '../support/service.ts';
import { type RunningService, startService } from './support.ts';

const tcp = 'tcp:127.0.0.1:0';
const udp = 'udp:127.0.0.1:0';
const fallback = `{ port: 0, host: '127.0.0.1' }`;

/** Reads lines until the service serves. Returns the addresses of its servers, for net.connect(). */
async function addresses(service: RunningService): Promise<Reachable[]> {
  const { addresses } = await service.readUntil((line) => 'activated' in line || 'refused' in line);
  return (addresses as unknown as { address: string; port: number }[]).map(({ address, port }) => {
    return { host: address, port };
  });
}

const ready = ({ message }: { readonly message: string }) => message.startsWith('READY=1');

test.each([
  ['', '{}'],
  [', by its name', `{ name: 'web' }`],
])(
  'one server serves all sockets of its unit%s, and the status names them',
  async (_how, options) => {
    const source = `await run(net.createServer((socket) => socket.end('served')), ${options});`;
    const specs = [tcp, tcp, 'sealed:state'];
    await using service = await startService(source, { specs, names: 'web:web:state' });
    const all = (await addresses(service)) as { host: string; port: number }[];
    expect(all).toHaveLength(2);
    for (const address of all) expect(await exchange(address)).toBe('served');
    await service.manager.until(ready);
    const places = all.map(({ port }) => `127.0.0.1:${port}`).join(', ');
    expect(service.notifications).toEqual([`READY=1\nSTATUS=Serving on ${places}`]);
    service.signal('SIGTERM');
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  },
);

test('a stop drains the connections of all sockets, and accepts no more on any of them', async () => {
  const source = `
    const service = await run(http.createServer(answer), {});
    setInterval(() => say({ open: service.connections }), 20).unref();
  `;
  await using service = await startService(source, { specs: [tcp, tcp] });
  const all = await addresses(service);
  const clients = await Promise.all(all.map((address) => Client.connect(address)));
  for (const client of clients) client.get('/600');
  for (const _ of clients) await service.readUntil(({ request }) => request === '/600');
  await service.readUntil(({ open }) => open === 2);
  await service.stop();
  const late = await Promise.all(all.map((address) => Client.connect(address)));
  for (const client of late) client.get('/0');
  for (const client of clients) {
    expect(await client.until('done')).toContain('Connection: close');
    await client.closed;
  }
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  // The late connections were never accepted. They ended with the launcher, which had the sockets too.
  expect(service.lines.filter(({ request }) => request === '/0')).toEqual([]);
  for (const client of [...clients, ...late]) client[Symbol.dispose]();
});

test('a service does not stop while a connection waits in the accept queue of its second socket', async () => {
  const source = `
    const server = net.createServer({ pauseOnConnect: true });
    server.on('connection', (socket) => say({ connection: true }) && socket.destroy());
    // The event loop stands still while a client connects, so the idle check comes before the accept.
    process.on('SIGUSR2', () => {
      say({ standing: true });
      for (const end = Date.now() + 600; Date.now() < end; );
    });
    await run(server, { idleTimeout: 200 });
  `;
  await using service = await startService(source, { specs: [tcp, tcp] });
  const [, second] = await addresses(service);
  service.signal('SIGUSR2');
  await service.readUntil(({ standing }) => standing === true);
  using client = await Client.connect(second as Reachable);
  await service.readUntil(({ connection }) => connection === true);
  await client.closed;
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.at(-2)).toEqual({ stopped: 'idle' });
});

test('a stream socket and a datagram socket of one name go to the server of their kind', async () => {
  const source = `
    const tcp = net.createServer((socket) => socket.end('tcp'));
    const udp = createSocket('udp4', (message, from) => udp.send('udp', from.port, from.address));
    await run([{ server: udp, name: 'dns' }, { server: tcp, name: 'dns' }], {});
    const client = createSocket('udp4', (message) => say({ heard: String(message) }) && client.close());
    client.send('x', udp.address().port, '127.0.0.1');
  `;
  const options = { specs: [tcp, udp], names: 'dns:dns' };
  await using service = await startService(source, options);
  const [, stream] = await addresses(service);
  expect(await exchange(stream as Reachable)).toBe('tcp');
  await service.readUntil(({ heard }) => heard === 'udp');
});

test('a server without a name uses its fallback when the only socket belongs to another server', async () => {
  const source = `
    const [web, metrics] = ['web', 'metrics'].map((name) => net.createServer((socket) => socket.end(name)));
    await run([{ server: metrics, fallback: ${fallback} }, { server: web, name: 'web' }], {});
  `;
  await using service = await startService(source, { names: 'web' });
  const { activated } = await service.readUntil((line) => 'activated' in line);
  const [metrics, web] = (service.lines.at(-1)?.addresses ?? []) as unknown as { port: number }[];
  const answers = [];
  for (let i = 0; i < 12; i++) answers.push(await exchange({ host: '127.0.0.1', port: web!.port }));
  expect(answers).toEqual(Array(12).fill('web'));
  expect(await exchange({ host: '127.0.0.1', port: metrics!.port })).toBe('metrics');
  expect(activated).toBe(false);
  expect(service.lines.filter(({ warning }) => warning)).toEqual([]);
});

test('a server whose name was not passed uses its fallback, with a warning', async () => {
  const source = `
    const entry = (name) => ({ server: net.createServer(), name, fallback: ${fallback} });
    await run([entry('web'), entry('metrics')], {});
  `;
  await using service = await startService(source, { names: 'web' });
  const { message } = await service.readUntil(({ warning }) => warning === 'ERR_SYSTEMD_FD_NAME');
  expect(message).toMatch(
    /^No socket named "metrics" was passed .*\n.*"web".*\nThe server uses its fallback$/,
  );
});

test('a server gets the descriptor of its option, and a server with the name gets the other sockets', async () => {
  const source = `
    import { listenFds } from 'libsystemd';
    const [first, second] = listenFds('web');
    const server = (name) => net.createServer((socket) => socket.end(name));
    await run([{ server: server('rest'), name: 'web' }, { server: server('second'), descriptor: second }], {});
    const { fd, localAddress } = first;
    say({ first: localAddress.port, second: second.localAddress.port });
  `;
  await using service = await startService(source, {
    specs: [tcp, tcp, tcp],
    names: 'web:web:web',
  });
  const all = (await addresses(service)) as { port: number; host: string }[];
  const { second } = await service.readUntil((line) => 'second' in line);
  const answers = await Promise.all(all.map((address) => exchange(address)));
  expect(answers).toEqual(['rest', 'rest', 'second']);
  expect(all[2]?.port).toBe(second);
});

test('a socket that no server listens on is warned of once, when the service is ready', async () => {
  const source = `
    const { listen } = await import('libsystemd');
    const service = await run(net.createServer(), { name: 'web' });
    await sleep(100);
    say({ later: (await listen(net.createServer(), { name: 'admin' })).length });
    await service.stop();
    await run(net.createServer(), { name: 'web' });
  `;
  const options = {
    specs: [tcp, tcp, 'sealed:x', 'tcp-connected', udp],
    names: 'web:admin:x:y:dns',
  };
  await using service = await startService(source, options);
  await service.readUntil((line) => 'later' in line);
  await service.readUntil((line) => 'activated' in line || 'exit' in line);
  const warnings = service.lines.filter(({ warning }) => warning === 'ERR_SYSTEMD_UNTAKEN');
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringMatching(/none of its servers listens on fd 4 "admin": inet stream socket/),
    expect.stringMatching(/none of its servers listens on fd 7 "dns": inet dgram socket/),
  ]);
});

test("a socket that the program's own workers listen on is not warned of", async () => {
  const source = `
    import cluster from 'node:cluster';
    import { once } from 'node:events';
    import { listen, listenFds } from 'libsystemd';
    if (cluster.isPrimary) {
      cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
      listenFds();
      const worker = cluster.fork();
      await once(worker, 'listening');
      await run(net.createServer(), { name: 'admin', stop: () => worker.kill() });
    } else {
      await listen(net.createServer(), { name: 'web' });
    }
  `;
  await using service = await startService(source, {
    specs: [tcp, tcp, tcp],
    names: 'web:admin:x',
  });
  await service.readUntil((line) => 'activated' in line);
  service.signal('SIGTERM');
  expect(await service.ended()).toMatchObject({ code: 0 });
  const warnings = service.lines.filter(({ warning }) => warning);
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringMatching(/listens on fd 5 "x"/),
  ]);
});

test('workers serve all sockets of a name, and only sockets of other names are warned of', async () => {
  const source = `
    import cluster from 'node:cluster';
    if (cluster.isPrimary) cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
    await run(net.createServer((socket) => socket.end('' + process.pid)), { name: 'web', workers: 2 });
  `;
  const options = { specs: [tcp, tcp, tcp], names: 'web:web:admin' };
  await using service = await startService(source, options);
  await service.readUntil(({ addresses, warning }) => addresses?.length === 2 && !warning);
  await service.manager.until(ready);
  const firstNotification = service.notifications[0] as string;
  const ports = [...firstNotification.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) =>
    Number(port),
  );
  expect(ports).toHaveLength(2);
  for (const port of ports) {
    expect(Number(await exchange({ host: '127.0.0.1', port }))).toBeGreaterThan(0);
  }
  await service.readUntil(({ message }) => /listens on fd 5 "admin"/.test(message ?? ''));
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  const warnings = service.lines.filter(({ warning }) => warning);
  expect(warnings.map(({ warning }) => warning)).toEqual(['ERR_SYSTEMD_UNTAKEN']);
});

test.each([
  ['a look-up of its host', `{ port: 0, host: 'slow.test' }`],
  ['a look-up of its host, for datagrams', `{ port: 0, address: 'slow.test' }`],
])('a stop during the start ends %s', async (_what, where) => {
  const source = `
    import dns from 'node:dns';
    dns.lookup = (host, ...rest) => setTimeout(() => rest.at(-1)(null, '127.0.0.1', 4), 60_000).unref();
    const slow = { port: 0, host: 'slow.test' };
    const server = ${where.includes('address') ? `createSocket({ type: 'udp4', lookup: dns.lookup })` : 'net.createServer()'};
    setTimeout(() => {}, 60_000);
    setTimeout(() => say({ starting: true }), 50);
    const service = await serve(server, { fallback: ${where}, exitTimeout: 100, stop: hook('stop') });
    say({ stopped: await service.stopped });
  `;
  await using service = await startService(source, { pid: 'none', fds: 'none', specs: [] });
  await service.readUntil(({ starting }) => starting === true);
  service.signal('SIGTERM');
  await service.readUntil(({ stopped }) => stopped === 'SIGTERM');
  expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
  expect(service.notifications.filter((message) => message.startsWith('READY'))).toEqual([]);
});

test('serve() rejects when the signal of a fallback was aborted, and handles no process signals then', async () => {
  const source = `
    const fallback = { port: 0, signal: AbortSignal.abort() };
    const { code } = await run(net.createServer(), { fallback }).catch((error) => error);
    setInterval(() => {}, 1000);
    say({ code, handled: process.listenerCount('SIGTERM') });
  `;
  await using service = await startService(source, { pid: 'none', fds: 'none', specs: [] });
  const { code, handled } = await service.readUntil((line) => 'code' in line);
  expect([code, handled]).toEqual(['ERR_SYSTEMD_CLOSED', 0]);
  await service.manager.until(({ message }) => message.startsWith('STATUS=')); // sent without the program's help
  expect(service.notifications).toEqual([expect.stringMatching(/^STATUS=Start failed: /)]);
});

test('when another server cannot start, a server that the program made listen elsewhere goes on', async () => {
  const source = `
    import dns from 'node:dns';
    dns.lookup = (host, ...rest) => setTimeout(() => rest.at(-1)(null, '127.0.0.1', 4), 100);
    const [first, second] = [net.createServer((socket) => socket.end('elsewhere')), net.createServer()];
    const fallback = { port: 0, host: 'slow.test' };
    const entry = (server, name) => ({ server, name, fallback });
    const failed = run([entry(first, 'a'), entry(second, 'b')], {}).catch((error) => error);
    first.close();
    first.listen(0, '127.0.0.1', async () => {
      const { code } = await failed;
      say({ code, port: first.address().port, second: second.listening });
    });
  `;
  await using service = await startService(source, { pid: 'none', fds: 'none', specs: [] });
  const { code, port, second } = await service.readUntil((line) => 'code' in line);
  expect([code, second]).toEqual(['ERR_SYSTEMD_CLOSED', false]);
  expect(await exchange({ host: '127.0.0.1', port: port as number })).toBe('elsewhere');
});

const CLOSES = `
  server.close();
  server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
`;

test.each([
  ['', `const service = await run(server, options); ${CLOSES}`],
  [
    ' in its listening handler',
    `server.once('listening', () => { ${CLOSES} }); await run(server, options);`,
  ],
])(
  'a server that the program closed and made listen elsewhere%s is not closed by the stop',
  async (_when, act) => {
    const source = `
    const server = net.createServer((socket) => socket.end('elsewhere'));
    const options = { exitTimeout: Infinity };
    ${act}
  `;
    await using service = await startService(source);
    const { port } = (await service.readUntil((line) => 'port' in line)) as unknown as {
      port: number;
    };
    service.signal('SIGTERM');
    await service.readUntil(({ stopped }) => stopped === 'SIGTERM');
    expect(await exchange({ host: '127.0.0.1', port })).toBe('elsewhere');
  },
);

test('a service that saves a state loads it at its next start, and still gets its socket', async () => {
  const source = `
    import { fdStore } from 'libsystemd';
    const loaded = fdStore.load('state');
    await run(net.createServer((socket) => socket.end('served')), {});
    say({ saved: fdStore.save('state', Buffer.from('again')), loaded: String(Buffer.from(loaded)) });
  `;
  const options = { specs: ['sealed:before', tcp], names: 'state:web' };
  await using service = await startService(source, options);
  const [address] = await addresses(service);
  expect(await exchange(address as Reachable)).toBe('served');
  await service.readUntil(({ saved, loaded }) => saved === true && loaded === 'before');
});
