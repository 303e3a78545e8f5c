// What the errors of Unix sockets advise: what came, what was expected, what to do.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listen } from '../../lib/index.ts';
import { UnixDatagram, UnixSeqpacket, UnixSeqpacketServer } from '../../lib/unix.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** The message of the error that a call throws or rejects with, without what differs from run to run. */
async function messageOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    const { message } = error as Error;
    return message.replaceAll(folder, '').replace(/fd \d+/, 'fd N');
  }
  throw new Error('The call has not failed');
}

const IN_USE = 'a socket has this name: end its process, or choose another name';
const MAY_BE_LEFT = 'if it has no process any more, remove the file, which this process may not';

test.each([
  ['UnixDatagram', (name: string) => new UnixDatagram().bind(name)],
  ['UnixSeqpacketServer', (name: string) => new UnixSeqpacketServer().listen(name)],
])('a name that a %s can not have', async (_what, open: (name: string) => AsyncDisposable) => {
  await using _owner = new UnixDatagram().bind(at('socket'));
  await using _abstract = open(`\0${at('abstract')}`);
  writeFileSync(at('file'), '');
  const inUse = 'EADDRINUSE: address already in use, bind, fd N';
  expect(await messageOf(() => open(at('file')))).toBe(
    `${inUse}, '/file', this file is no socket: remove it, or choose another path`,
  );
  expect(await messageOf(() => open(at('socket')))).toBe(
    `${inUse}, '/socket', ${IN_USE}; ${MAY_BE_LEFT}`,
  );
  expect(await messageOf(() => open(`\0${at('abstract')}`))).toBe(
    `${inUse}, '@/abstract', ${IN_USE}`,
  );
  expect(await messageOf(() => open(at('none/socket')))).toBe(
    "ENOENT: no such file or directory, bind, fd N, '/none/socket', there is no such folder: make it, in a unit by RuntimeDirectory=",
  );
});

test('a socket that is open already', async () => {
  await using server = new UnixSeqpacketServer().listen(at('server'));
  await using client = await new UnixSeqpacket().connect(at('server'));
  await using socket = new UnixDatagram().bind(at('own'));
  const bind = 'EINVAL: invalid argument, bind';
  for (const name of ['other', 'own']) {
    expect(await messageOf(() => socket.bind(at(name)))).toBe(
      `${bind}, fd N, '/${name}', this socket has the name /own already: make another one for this name`,
    );
  }
  expect(await messageOf(() => socket.bind(socket.fd as number))).toBe(
    `${bind}, fd N, this socket is open already: make another one for this descriptor`,
  );
  expect(await messageOf(() => server.listen(at('other')))).toBe(
    'EINVAL: invalid argument, listen, this server listens already: make another one',
  );
  expect(await messageOf(() => client.connect(at('server')))).toBe(
    'EINVAL: invalid argument, connect, this socket is connected already, or about to be: make another one',
  );
});

test('a message that can not be sent', async () => {
  await using socket = new UnixDatagram().bind(at('receiver'));
  const to = at('receiver');
  const unconnected = 'ENOTCONN: socket is not connected, sendto';
  const noReceiver = `${unconnected}, there is no receiver: name it as the second argument, or call connect() before`;
  expect(await messageOf(() => socket.send('x'))).toBe(noReceiver);
  expect(await messageOf(() => socket.trySend('x'))).toBe(noReceiver);
  expect(await messageOf(() => new UnixSeqpacket().send('x'))).toBe(
    `${unconnected}, wait for connect() before`,
  );
  expect(await messageOf(() => socket.send('x', to, { fds: [0, 999_999] }))).toBe(
    "EBADF: bad file descriptor, sendmsg, fd N, '/receiver', options.fds has this descriptor, which is not open: close it when send() has resolved",
  );
  expect(await messageOf(() => socket.send('x', to, { fds: Array(254).fill(0) }))).toBe(
    "EINVAL: invalid argument, sendmsg, '/receiver', options.fds has 254 descriptors, and at most 253 go with a message: send the others with another one",
  );
  expect(await messageOf(() => socket.send(Buffer.alloc(1 << 20), to))).toBe(
    "EMSGSIZE: message too long, sendto, '/receiver', 1048576 bytes came, and the send buffer allows fewer (SO_SNDBUF, by default 212960): send them in parts",
  );
});

test.each([
  ['UnixDatagram', () => new UnixDatagram()],
  ['UnixSeqpacketServer', () => new UnixSeqpacketServer()],
])('a path that a %s can not have as its fallback', async (_what, make) => {
  const path = `/${'x'.repeat(107)}`;
  for (const [fallback, name] of [
    [path, 'options.fallback'],
    [{ path }, 'options.fallback.path'],
  ] as const) {
    expect(await messageOf(() => listen(make(), { fallback }))).toContain(
      `The argument "${name}" must be at most 107 bytes long; it has 108`,
    );
  }
});
