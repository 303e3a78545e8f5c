import {
  fdStore,
  type InheritedDescriptor,
  listen,
  listenFd,
  type PeerCredentials,
  peerCredentials,
  serve,
} from 'libsystemd';
import type { Unit } from 'libsystemd/testing';
import {
  closeFd,
  type UnixAddress,
  type UnixCredentials,
  UnixDatagram,
  type UnixMessage,
  UnixSeqpacket,
  UnixSeqpacketServer,
} from 'libsystemd/unix';
import { describe, expectTypeOf, test } from 'vitest';

declare const unit: Unit<'log'>;
declare const descriptor: InheritedDescriptor;
declare const message: UnixMessage;

describe('libsystemd/unix', () => {
  test('takes names, descriptors and addresses', () => {
    const socket = new UnixDatagram({ credentials: true, whenFull: 'drop' });
    expectTypeOf(socket.bind('/run/x', { mode: 0o666 })).toEqualTypeOf<UnixDatagram>();
    socket.bind(descriptor);
    socket.bind(3);
    socket.bind(listenFd() ?? './socket');
    socket.send('x', unit.addresses.log);
    socket.connect('\0name').connect({ family: 'unix', path: '/run/x' });
    expectTypeOf(socket.address()).toEqualTypeOf<UnixAddress>();
    expectTypeOf(socket.fd).toEqualTypeOf<number | undefined>();
    expectTypeOf(socket.send('x', '/run/x', { fds: [1] })).toEqualTypeOf<Promise<boolean>>();
    expectTypeOf(socket.trySend(new Uint8Array(1))).toEqualTypeOf<boolean>();
    expectTypeOf(socket.close()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(closeFd(3)).toEqualTypeOf<void>();
  });

  test('types the events', () => {
    new UnixDatagram().on('message', (data, message) => {
      expectTypeOf(data).toEqualTypeOf<Buffer>();
      expectTypeOf(message).toEqualTypeOf<UnixMessage>();
    });
    expectTypeOf(message.takeFds()).toEqualTypeOf<number[]>();
    expectTypeOf(message.credentials).toEqualTypeOf<UnixCredentials | undefined>();
    expectTypeOf(message.truncated).toEqualTypeOf<number | undefined>();
  });

  test('types connections and their server', () => {
    const server = new UnixSeqpacketServer({ allowHalfOpen: true, fds: true });
    server.on('connection', (connection) => {
      expectTypeOf(connection).toEqualTypeOf<UnixSeqpacket>();
      expectTypeOf(connection.end()).toEqualTypeOf<Promise<void>>();
    });
    expectTypeOf(server.listen(descriptor, { backlog: 1 })).toEqualTypeOf<UnixSeqpacketServer>();
    expectTypeOf(server.connections).toEqualTypeOf<readonly UnixSeqpacket[]>();
    const client = new UnixSeqpacket();
    expectTypeOf(client.connect('/run/x')).toEqualTypeOf<Promise<UnixSeqpacket>>();
    expectTypeOf(client.send('x', { fds: [1] })).toEqualTypeOf<Promise<boolean>>();
    // @ts-expect-error: a connection has one peer
    client.send('x', '/run/x');
    // @ts-expect-error: a connection always has them
    new UnixSeqpacket({ credentials: true });
  });

  test('makes the caller think of a sender without a name', () => {
    const socket = new UnixDatagram();
    // @ts-expect-error: an unnamed sender can't be answered
    if (message.from !== undefined) socket.send('answer', message.from);
    if (message.from?.path !== undefined) socket.send('answer', message.from);
  });

  test('is taken by the functions of libsystemd', () => {
    const server = new UnixSeqpacketServer();
    listen(new UnixDatagram(), { fallback: { path: './socket', mode: 0o622 } });
    serve([{ server, name: 'control' }, { server: new UnixDatagram() }]);
    expectTypeOf(fdStore.add('log', new UnixDatagram())).toEqualTypeOf<boolean>();
    server.on('connection', (connection) => {
      expectTypeOf(peerCredentials(connection)).toEqualTypeOf<PeerCredentials>();
      fdStore.add('client', connection);
    });
  });

  test('refuses what does not exist', () => {
    const socket = new UnixDatagram();
    // @ts-expect-error: bytes or a text
    socket.send(1);
    // @ts-expect-error: 'wait' or 'drop'
    new UnixDatagram({ whenFull: 'block' });
    // @ts-expect-error: no such event
    socket.on('data', () => {});
    // @ts-expect-error: the address of a server of net
    socket.send('x', { family: 'IPv4', address: '::1', port: 1 });
    // @ts-expect-error: read-only
    message.fds = [];
  });
});
