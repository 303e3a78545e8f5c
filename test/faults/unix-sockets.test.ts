// Unix sockets that the kernel refuses to watch: ENOSPC of epoll_ctl(2), by strace(1), when fs.epoll.max_user_watches is reached.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { Injection } from './strace.ts';
import { failure, noLeaks, Program } from './support.ts';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);

const source = `
  const { UnixDatagram, UnixSeqpacket, UnixSeqpacketServer } = await import(${JSON.stringify(join(root, 'dist/unix.js'))});
  const folder = ${JSON.stringify(folder)};
  const at = (name) => folder + '/' + name;
  const ignore = () => {};

  // A socket that gets a message, so that the event loop has the epoll descriptor: without it libuv ends the process.
  const first = new UnixDatagram().bind(at('first'));
  await first.send('x', at('first'));
  await once(first, 'message');

  const server = new UnixSeqpacketServer().listen(at('server'));
  const receiver = new UnixDatagram().bind(at('receiver'));
  const sender = new UnixDatagram().connect(at('receiver'));
  while (sender.trySend('fill'));

  const events = (socket) => {
    const heard = [];
    for (const event of ['error', 'close']) {
      socket.on(event, (error) => heard.push(error ? [event, error.code, error.syscall] : event));
    }
    return heard;
  };
  const heardLater = async (socket, call) => {
    const heard = events(socket);
    call(socket);
    await sleep(10);
    return { heard, fd: socket.fd ?? null };
  };

  const inherited = new UnixDatagram().bind(3);
  const paused = new UnixDatagram().pause().on('message', ignore).bind(4);
  const datagram = new UnixDatagram().on('message', ignore);
  const other = new UnixSeqpacketServer();
  const client = new UnixSeqpacket().on('message', ignore);
  const before = openFiles();
  say('ready');
  waitForTest();
  say({
    listening: await heardLater(inherited, (socket) => socket.on('message', ignore)),
    resumed: await heardLater(paused, (socket) => socket.resume()),
    bind: await outcome(() => datagram.bind(at('datagram'))),
    listen: await outcome(() => other.listen(at('other'))),
    connect: await outcome(() => client.connect(at('server'))),
    send: await outcome(() => sender.send('waits')),
    waiting: sender.waiting,
    fds: [other.fd ?? null, client.fd ?? null],
  });
  waitForTest();
  receiver.on('message', ignore);
  say({
    bind: (await outcome(() => datagram.bind(at('datagram')) === datagram)).value,
    listen: (await outcome(() => other.listen(at('other')) === other)).value,
    connect: (await outcome(async () => (await client.connect(at('server'))) === client)).value,
    send: (await outcome(() => sender.send('waits'))).value,
  });
  await client.close();
  await Promise.all([other, first, server, datagram, receiver, sender].map((each) => each[Symbol.asyncDispose]()));
  say((await leaked(before)).left);
  process.exit();`;

test('a socket that the kernel refuses to watch says so, and can be tried again', async () => {
  const specs = [`unix-dgram:${path('inherited')}`, `unix-dgram:${path('paused')}`];
  await using program = new Program(source, { specs });
  expect(await program.next()).toBe('ready');
  const injection = await Injection.begin(program.pid, 'epoll_ctl', 'ENOSPC');
  program.resume();
  const meanwhile = await program.next();
  await injection.end();
  const facts = { name: 'SystemdError', syscall: 'epoll_ctl' };
  const closed = { heard: [['error', 'ENOSPC', 'epoll_ctl'], 'close'], fd: null };
  expect(meanwhile).toEqual({
    listening: closed,
    resumed: closed,
    bind: failure('ENOSPC', facts),
    listen: failure('ENOSPC', facts),
    connect: failure('ENOSPC', facts),
    send: failure('ENOSPC', facts),
    waiting: 0,
    fds: [null, null],
  });
  expect([existsSync(path('datagram')), existsSync(path('other'))]).toEqual([false, false]);
  program.resume();
  expect(await program.next()).toEqual({ bind: true, listen: true, connect: true, send: true });
  expect(await program.next()).toEqual(noLeaks.left);
});

test('a socket whose descriptor other code has closed says so when it shall be watched', async () => {
  await using program = new Program(
    `
    const { UnixDatagram } = await import(${JSON.stringify(join(root, 'dist/unix.js'))});
    const heard = [];
    const socket = new UnixDatagram().bind(3).on('error', ({ code }) => heard.push(code)).on('close', () => heard.push('close'));
    closeSync(3);
    socket.on('message', () => {});
    await sleep(10);
    say(heard);
    const paused = new UnixDatagram().on('message', () => {}).bind(4);
    paused.on('error', ({ code }) => say(code));
    await sleep(10);
    closeSync(4);
    paused.pause();
    paused.resume();
    await sleep(10);
    process.exit();`,
    { specs: [`unix-dgram:${path('3')}`, `unix-dgram:${path('4')}`] },
  );
  expect(await program.next()).toEqual(['EBADF', 'close']);
  expect(await program.next()).toBe('EBADF');
});
