// Datagrams while a service stops: what it has read is answered, and what it has not waits for the next one.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { endAtFirstHang } from './first-hang.ts';
import { startService } from './support.ts';

type At = { host: string; port: number };

endAtFirstHang();

const CLEAN = { code: 0, signal: null };
const UDP = { specs: ['udp:127.0.0.1:0'] };

/** A client that numbers its questions, and knows which were answered. */
class Asker implements Disposable {
  readonly socket: Socket = createSocket('udp4');
  readonly answered = new Set<string>();
  asked = 0;
  readonly #at: At;

  constructor(at: At) {
    this.#at = at;
    this.socket.on('message', (message) => this.answered.add(String(message)));
  }

  ask(): void {
    this.socket.send(`${this.asked++}`, this.#at.port, this.#at.host);
  }

  async answers(count: number): Promise<void> {
    while (this.answered.size < count) await once(this.socket, 'message');
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

test.each([
  ['after a look-up, and nobody waits for that', 'await sleep(200);', ''],
  [
    'after a look-up that the drain hook waits for',
    'await sleep(1500);',
    '() => Promise.all(answers)',
  ],
  ['at once', '', ''],
  ['to a name', 'address = "localhost";', ''],
])(
  'each datagram that was read is answered, %s; reading stops when the drain begins',
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
    using asker = new Asker((await service.serving()) as At);
    asker.ask();
    await asker.answers(1);
    const asking = setInterval(() => asker.ask(), 1);
    await sleep(100);
    await service.stop();
    const { read } = await service.said((line) => 'read' in line);
    clearInterval(asking);
    expect(await service.ended()).toEqual(CLEAN);
    expect(read).toBeLessThan(asker.asked);
    await asker.answers(read as number);
    expect(service.stderr).toBe('');
  },
);

test('what comes after the stop has begun, another process that has the socket reads', async () => {
  await using service = await startService(
    `const { fork, spawn } = await import('node:child_process');
     const socket = createSocket('udp4', (message, { port }) => socket.send('first ' + message, port));
     // The next instance, which has the same socket as the manager would give it.
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
  using asker = new Asker((await service.serving()) as At);
  asker.ask();
  await asker.answers(1);
  await service.stop();
  for (let i = 0; i < 5; i++) asker.ask();
  await asker.answers(6);
  expect([...asker.answered]).toEqual(['first 0', ...[1, 2, 3, 4, 5].map((i) => `next ${i}`)]);
  expect(await service.ended()).toEqual(CLEAN);
});

test('a socket sends on while connections of other servers end: their requests may need it', async () => {
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
  const at = (await service.serving()) as At;
  const receiver = createSocket('udp4').bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const answer = fetch(`http://127.0.0.1:${at.port}/${receiver.address().port}`);
  await service.said((line) => line.request !== undefined);
  const received = once(receiver, 'message');
  await service.stop();
  expect(String((await received)[0])).toBe('sent late');
  expect(await (await answer).text()).toBe('null');
  receiver.close();
  expect(await service.ended()).toEqual(CLEAN);
});

test('an answer that comes too late is lost, and the stop goes on', async () => {
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
  using asker = new Asker((await service.serving()) as At);
  asker.ask();
  await service.said((line) => line.request !== undefined);
  await service.stop();
  await service.said(({ code }) => code === 'ERR_SOCKET_DGRAM_NOT_RUNNING');
  expect(await service.ended()).toEqual(CLEAN);
  expect(asker.answered.size).toBe(0);
});

test.each([
  ['in the drain hook', 'drain: close, stop: () => late'],
  ['in the stop hook, where it is closed already', 'stop: () => close().then(() => late)'],
])('a program may close its socket by itself, %s, and answer too late', async (_where, hooks) => {
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
  using asker = new Asker((await service.serving()) as At);
  asker.ask();
  await service.said((line) => line.request !== undefined);
  await service.stop();
  await service.said(({ code }) => code === 'ERR_SOCKET_DGRAM_NOT_RUNNING');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines).toContainEqual({ stopped: 'SIGTERM' });
});

test('where nothing has been read for a second, the socket is closed at once', async () => {
  await using service = await startService(
    `const socket = createSocket('udp4', (message, { port }) => socket.send(message, port));
     await run(socket);`,
    UDP,
  );
  using asker = new Asker((await service.serving()) as At);
  asker.ask();
  await asker.answers(1);
  await sleep(1_100); // nothing has come for more than the second that a drain waits for more
  const stopped = performance.now();
  await service.stop();
  expect(await service.ended()).toEqual(CLEAN);
  expect(performance.now() - stopped).toBeLessThan(800);
});

test('what the drain hook sends goes out, though nobody waits for it', async () => {
  await using service = await startService(
    `const ports = [];
     const socket = createSocket('udp4', (message, { port }) => {
       ports.push(port);
       socket.send(message, port);
     });
     await run(socket, { drain() { for (const port of ports) socket.send('goodbye', port, '127.0.0.1'); } });`,
    UDP,
  );
  using asker = new Asker((await service.serving()) as At);
  asker.ask();
  await asker.answers(1);
  await sleep(1_100); // it is closed at once
  service.signal('SIGTERM');
  await asker.answers(2);
  expect([...asker.answered]).toEqual(['0', 'goodbye']);
  expect(await service.ended()).toEqual(CLEAN);
});

test('stopTimeout ends a drain hook that waits for ever', async () => {
  await using service = await startService(
    `await run(createSocket('udp4'), { stopTimeout: 200, drain: () => new Promise(() => {}), stop: hook('stop') });`,
    UDP,
  );
  await service.serving();
  service.signal('SIGTERM');
  expect(await service.ended()).toEqual(CLEAN);
  expect(service.lines).toContainEqual({ hook: 'stop', reason: 'SIGTERM' });
});
