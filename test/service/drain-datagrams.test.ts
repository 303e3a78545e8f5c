// Datagrams while a service stops: the datagrams that were read are answered, and the others wait for the next start.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type At, CLEAN, receivesRequest, servingAt } from './drain-support.ts';
import { endAtFirstHang } from './first-hang.ts';
import { type RunningService, startService } from './support.ts';

endAtFirstHang();

const UDP = { specs: ['udp:127.0.0.1:0'] };

/** A client that numbers its datagrams, and knows which were answered. */
class UdpClient implements Disposable {
  readonly socket: Socket = createSocket('udp4');
  readonly answered = new Set<string>();
  sent = 0;
  readonly #at: At;

  constructor(at: At) {
    this.#at = at;
    this.socket.on('message', (message) => this.answered.add(String(message)));
  }

  send(): void {
    this.socket.send(`${this.sent++}`, this.#at.port, this.#at.host);
  }

  /** Waits until `count` answers have come. */
  async receive(count: number): Promise<void> {
    while (this.answered.size < count) await once(this.socket, 'message');
  }

  /** A client that has got the answer to its first datagram. */
  static async answeredOnce(service: RunningService): Promise<UdpClient> {
    const client = new UdpClient(await servingAt(service));
    client.send();
    await client.receive(1);
    return client;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

test.each([
  ['after a look-up that nothing waits for', 'await sleep(200);', ''],
  [
    'after a look-up that the drain hook waits for',
    'await sleep(1500);',
    '() => Promise.all(answers)',
  ],
  ['at once', '', ''],
  ['to a host name', 'address = "localhost";', ''],
])(
  'a datagram that was read is answered %s, and reading ends when the drain begins',
  async (_how, wait, drain) => {
    await using service = await startService(
      `const socket = createSocket('udp4');
     const answers = [];
     let read = 0;
     socket.on('message', (message, { port, address }) => {
       read++;
       answers.push((async () => {
         ${wait}
         await new Promise((resolve) => socket.send(message, port, address, resolve));
       })());
     });
     await run(socket, { ${drain && `drain: ${drain},`} stop: () => say({ read }) });`,
      UDP,
    );
    using client = await UdpClient.answeredOnce(service);
    const sending = setInterval(() => client.send(), 1);
    await sleep(100);
    await service.stop();
    const { read } = await service.readUntil((line) => 'read' in line);
    clearInterval(sending);
    expect(await service.ended()).toEqual(CLEAN);
    expect(read).toBeLessThan(client.sent);
    await client.receive(read as number);
    expect(service.stderr).toBe('');
  },
);

test('a datagram that comes during the stop is read by the next process that has the socket', async () => {
  await using service = await startService(
    `const { fork, spawn } = await import('node:child_process');
     const socket = createSocket('udp4', (message, { port }) => socket.send('first ' + message, port));
     // The next start of the service. It has the same socket, as if the manager had passed it.
     const next = spawn(process.execPath, ['-e', \`
       const socket = require('dgram').createSocket('udp4');
       process.stdin.once('data', () => {
         socket.on('message', (message, { port }) => socket.send('next ' + message, port));
         socket.bind({ fd: 3 });
       }).on('end', () => process.exit());
     \`], { stdio: ['pipe', 'inherit', 'inherit', 3] });
     await run(socket, { drain: () => sleep(500), stop: () => { next.stdin.write('go'); setTimeout(() => next.stdin.end(), 1000); } });`,
    UDP,
  );
  using client = await UdpClient.answeredOnce(service);
  await service.stop();
  for (let i = 0; i < 5; i++) client.send();
  await client.receive(6);
  expect([...client.answered]).toEqual(['first 0', ...[1, 2, 3, 4, 5].map((i) => `next ${i}`)]);
  expect(await service.ended()).toEqual(CLEAN);
});

test('a dgram socket can send until the connections of all servers have ended', async () => {
  await using service = await startService(
    `const socket = createSocket('udp4');
     const web = http.createServer(async (request, response) => {
       say({ request: request.url });
       await sleep(1500);
       socket.send('sent late', Number(request.url.slice(1)), '127.0.0.1', (error) => response.end(String(error)));
     });
     await run([{ server: web, name: 'web' }, { server: socket, name: 'udp' }]);`,
    { specs: ['tcp:127.0.0.1:0', 'udp:127.0.0.1:0'], names: 'web:udp' },
  );
  const at = await servingAt(service);
  const receiver = createSocket('udp4').bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const answer = fetch(`http://127.0.0.1:${at.port}/${receiver.address().port}`);
  await receivesRequest(service);
  const received = once(receiver, 'message');
  await service.stop();
  expect(String((await received)[0])).toBe('sent late');
  expect(await (await answer).text()).toBe('null');
  receiver.close();
  expect(await service.ended()).toEqual(CLEAN);
});

test('an answer that is sent too late is lost, and the stop goes on', async () => {
  await using service = await startService(
    `const socket = createSocket('udp4');
     socket.on('message', async (message, { port }) => {
       say({ request: String(message) });
       await sleep(1500);
       socket.send('too late', port);
       socket.send('too late', port, '127.0.0.1', ({ code }) => say({ code }));
     });
     await run(socket, { stop: () => sleep(1000) });`,
    UDP,
  );
  using client = new UdpClient(await servingAt(service));
  client.send();
  await receivesRequest(service);
  await service.stop();
  await service.readUntil(({ code }) => code === 'ERR_SOCKET_DGRAM_NOT_RUNNING');
  expect(await service.ended()).toEqual(CLEAN);
  expect(client.answered.size).toBe(0);
});

test.each([
  ['in the drain hook', 'drain: close, stop: () => late'],
  ['in the stop hook, which finds it closed,', 'stop: () => close().then(() => late)'],
])('a program may close its socket %s and answer too late', async (_where, hooks) => {
  await using service = await startService(
    `const socket = createSocket('udp4');
     let late;
     socket.on('message', (message, { port }) => {
       say({ request: String(message) });
       late = sleep(1500).then(() => socket.send('too late', port, '127.0.0.1', ({ code }) => say({ code })));
     });
     const close = () => new Promise((resolve) => socket.close(resolve));
     await run(socket, { ${hooks} });`,
    UDP,
  );
  using client = new UdpClient(await servingAt(service));
  client.send();
  await receivesRequest(service);
  await service.stop();
  await service.readUntil(({ code }) => code === 'ERR_SOCKET_DGRAM_NOT_RUNNING');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines).toContainEqual({ stopped: 'SIGTERM' });
});

test('a socket that has read nothing for a second is closed at once', async () => {
  await using service = await startService(
    `const socket = createSocket('udp4', (message, { port }) => socket.send(message, port));
     await run(socket);`,
    UDP,
  );
  using _client = await UdpClient.answeredOnce(service);
  await sleep(1_100); // longer than the second for which a drain waits for another datagram
  const stopped = performance.now();
  await service.stop();
  expect(await service.ended()).toEqual(CLEAN);
  expect(performance.now() - stopped).toBeLessThan(800);
});

test('a datagram that the drain hook sends without waiting is delivered', async () => {
  await using service = await startService(
    `const ports = [];
     const socket = createSocket('udp4', (message, { port }) => {
       ports.push(port);
       socket.send(message, port);
     });
     await run(socket, { drain() { for (const port of ports) socket.send('goodbye', port, '127.0.0.1'); } });`,
    UDP,
  );
  using client = await UdpClient.answeredOnce(service);
  await sleep(1_100); // the drain then closes the socket at once
  service.signal('SIGTERM');
  await client.receive(2);
  expect([...client.answered]).toEqual(['0', 'goodbye']);
  expect(await service.ended()).toEqual(CLEAN);
});

test('a socket can answer what it has read until the drain hook has resolved', async () => {
  await using service = await startService(
    `const socket = createSocket('udp4');
     const answers = [];
     socket.on('message', (_message, { port, address }) => {
       say({ request: 'datagram' });
       answers.push(sleep(300).then(() => socket.send('answer', port, address)));
     });
     await run(socket, { drain: () => Promise.all(answers) });`,
    UDP,
  );
  const { port, host } = await servingAt(service);
  const client = createSocket('udp4');
  client.send('request', port, host);
  const answer = once(client, 'message');
  await receivesRequest(service);
  service.signal('SIGTERM');
  expect(String((await answer)[0])).toBe('answer');
  expect(await service.ended()).toEqual(CLEAN);
  client.close();
});

test('a socket that has read nothing is closed, and the stop hook is called', async () => {
  await using service = await startService(
    `await run(createSocket('udp4', (message) => say({ message: String(message) })), { stop: hook('stop') });`,
    UDP,
  );
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
});

test('stopTimeout ends a drain hook that never settles', async () => {
  await using service = await startService(
    `await run(createSocket('udp4'), { stopTimeout: 200, drain: () => new Promise(() => {}), stop: hook('stop') });`,
    UDP,
  );
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
});
