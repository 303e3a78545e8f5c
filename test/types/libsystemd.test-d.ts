import type { Socket as DgramSocket } from 'node:dgram';
import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import {
  type AcceptQueue,
  type Address,
  acceptQueue,
  booted,
  connection,
  type Descriptor,
  type DrainContext,
  type FileDescriptor,
  fdStore,
  formatAddress,
  type Inet6Address,
  type InetAddress,
  type InheritedDescriptor,
  inspect,
  type ListenFdOptions,
  listen,
  listenFd,
  listenFds,
  type NetlinkAddress,
  type NotifyState,
  notify,
  type PeerCredentials,
  peerCredentials,
  type ServeOptions,
  type Service,
  type SocketDescriptor,
  type Storable,
  SystemdError,
  type SystemdErrorCode,
  serve,
  type UnixAbstractAddress,
  type UnixPathAddress,
  type UnixUnnamedAddress,
  type VsockAddress,
  type Watchdog,
  watchdog,
} from 'libsystemd';
import { describe, expectTypeOf, test } from 'vitest';

declare const descriptor: Descriptor;
declare const address: Address;

describe('a Descriptor', () => {
  test('is narrowed by its kind', () => {
    if (descriptor.kind === 'socket') {
      expectTypeOf(descriptor).toEqualTypeOf<SocketDescriptor>();
      expectTypeOf(descriptor.localAddress).toEqualTypeOf<Address>();
      expectTypeOf(descriptor.peerAddress).toEqualTypeOf<Address | undefined>();
      expectTypeOf(descriptor.listening).toEqualTypeOf<boolean>();
      // @ts-expect-error: a socket has no path of its own
      descriptor.path;
    } else {
      expectTypeOf(descriptor).toEqualTypeOf<FileDescriptor>();
      expectTypeOf(descriptor.path).toEqualTypeOf<string | undefined>();
      expectTypeOf(descriptor.kind).toEqualTypeOf<
        'fifo' | 'file' | 'device' | 'directory' | 'mq' | 'other'
      >();
      // @ts-expect-error: no socket, no family
      descriptor.family;
    }
  });

  test('is read-only, and has a name or not', () => {
    expectTypeOf(descriptor.fd).toEqualTypeOf<number>();
    expectTypeOf(descriptor.name).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: frozen
    descriptor.fd = 4;
  });

  test('is what server.listen() takes: an object with an fd', () => {
    expectTypeOf<Descriptor>().toExtend<{ readonly fd: number }>();
    expectTypeOf<InheritedDescriptor>().toExtend<{ readonly fd: number }>();
    (server: Server) => server.listen(descriptor, 511, () => undefined);
  });

  test('comes from inspect(), with its queue from acceptQueue()', () => {
    expectTypeOf(inspect).toEqualTypeOf<(fd: number) => Descriptor>();
    expectTypeOf(acceptQueue).toEqualTypeOf<(fd: number) => AcceptQueue | undefined>();
    expectTypeOf<AcceptQueue>().toEqualTypeOf<{
      readonly waiting: number;
      readonly limit: number;
    }>();
  });
});

describe('an Address', () => {
  test('is narrowed by its family', () => {
    if (address.family === 'inet') expectTypeOf(address).toEqualTypeOf<InetAddress>();
    if (address.family === 'inet6') expectTypeOf(address).toEqualTypeOf<Inet6Address>();
    if (address.family === 'netlink') expectTypeOf(address).toEqualTypeOf<NetlinkAddress>();
    if (address.family === 'vsock') expectTypeOf(address).toEqualTypeOf<VsockAddress>();
  });

  test('of a Unix socket is narrowed by what it has', () => {
    if (address.family !== 'unix') return;
    expectTypeOf(address).toEqualTypeOf<
      UnixPathAddress | UnixAbstractAddress | UnixUnnamedAddress
    >();
    if (address.path !== undefined) {
      expectTypeOf(address).toEqualTypeOf<UnixPathAddress>();
      expectTypeOf(address.path).toEqualTypeOf<string>();
      expectTypeOf(address.bytes).toEqualTypeOf<Uint8Array | undefined>();
    } else if (address.abstract !== undefined) {
      expectTypeOf(address).toEqualTypeOf<UnixAbstractAddress>();
      expectTypeOf(address.bytes).toEqualTypeOf<Uint8Array>();
    } else {
      expectTypeOf(address).toEqualTypeOf<UnixUnnamedAddress>();
    }
  });

  test('is what formatAddress() takes and listen() gives', () => {
    expectTypeOf(formatAddress).toEqualTypeOf<(address: Address) => string>();
    expectTypeOf(listen).returns.toEqualTypeOf<Promise<readonly Address[]>>();
    // @ts-expect-error: an address, not its text
    () => formatAddress('127.0.0.1:80');
  });
});

describe('what was passed', () => {
  test('has a name, and stays as it is', () => {
    expectTypeOf(listenFds).parameters.toEqualTypeOf<[name?: string | undefined]>();
    expectTypeOf(listenFds()).toEqualTypeOf<readonly InheritedDescriptor[]>();
    expectTypeOf<InheritedDescriptor['name']>().toEqualTypeOf<string>();
    expectTypeOf<InheritedDescriptor>().toExtend<Descriptor>();
    // @ts-expect-error: frozen
    () => listenFds().push(descriptor);
    expectTypeOf(listenFd).parameters.toEqualTypeOf<[name?: string | undefined]>();
    expectTypeOf(listenFd('http')).toEqualTypeOf<InheritedDescriptor | undefined>();
  });

  test('is narrowed by its kind too, and keeps the name', () => {
    const [passed] = listenFds();
    if (passed?.kind !== 'socket') return;
    expectTypeOf(passed.name).toEqualTypeOf<string>();
    expectTypeOf(passed.localAddress).toEqualTypeOf<Address>();
  });

  test('is served by listen() and connection()', () => {
    expectTypeOf(listen).parameter(0).toEqualTypeOf<Server | DgramSocket>();
    expectTypeOf<HttpServer>().toExtend<Parameters<typeof listen>[0]>();
    expectTypeOf(listen).parameter(1).toEqualTypeOf<ListenFdOptions | undefined>();
    expectTypeOf<{ fallback: 8080 }>().toExtend<ListenFdOptions>();
    expectTypeOf<{ fallback: '/run/app.sock' }>().toExtend<ListenFdOptions>();
    expectTypeOf<{ fallback: { host: '::1'; port: 80 }; backlog: 5 }>().toExtend<ListenFdOptions>();
    expectTypeOf<{ fallback: true }>().not.toExtend<ListenFdOptions>();
    // As `listenFds('web')[1]` is by noUncheckedIndexedAccess.
    expectTypeOf<{ descriptor: InheritedDescriptor | undefined }>().toExtend<ListenFdOptions>();
    expectTypeOf(connection).toEqualTypeOf<() => Socket | undefined>();
    expectTypeOf(booted).toEqualTypeOf<() => boolean>();
  });
});

describe('a NotifyState', () => {
  test('has the assignments of sd_notify(3), and private ones', () => {
    notify.send({
      ready: true,
      reloading: false,
      stopping: false,
      status: 'text',
      errno: 'ENOENT',
      busError: 'a.b',
      varlinkError: 'a.b',
      exitStatus: 0,
      mainPid: 1,
      mainPidFd: 3,
      mainPidFdId: 1n,
      watchdog: 'trigger',
      watchdogTimeout: 1.5,
      extendTimeout: 1,
      notifyAccess: 'all',
      restartReset: true,
      X_TEXT: 'text',
      X_NUMBER: 1,
      X_BIGINT: 1n,
    });
    expectTypeOf<NotifyState['errno']>().toEqualTypeOf<number | string | undefined>();
    expectTypeOf<NotifyState['watchdog']>().toEqualTypeOf<boolean | 'trigger' | undefined>();
    expectTypeOf<NotifyState['notifyAccess']>().toEqualTypeOf<
      'none' | 'main' | 'exec' | 'all' | undefined
    >();
    expectTypeOf<NotifyState['X_ANYTHING']>().toExtend<string | number | bigint | undefined>();
  });

  test('has no others', () => {
    // @ts-expect-error: of no assignment's name
    () => notify.send({ redy: true });
    // @ts-expect-error: of the wrong case
    () => notify.send({ x_foo: 'text' });
    // @ts-expect-error: a descriptor goes to fdStore
    () => notify.send({ fdStore: true });
    // @ts-expect-error: READY=0 is nothing
    () => notify.send({ ready: 1 });
    // @ts-expect-error: no such access
    () => notify.send({ notifyAccess: 'everyone' });
    // @ts-expect-error: a watchdog is not told anything else
    () => notify.send({ watchdog: 'stop' });
    // @ts-expect-error: a descriptor, or that of options.fds
    () => notify.send({ mainPidFd: false });
    // @ts-expect-error: a line of text or a number
    () => notify.send({ X_FOO: true });
  });

  test('is sent with options, or as a text', () => {
    expectTypeOf(notify.send).parameter(0).toEqualTypeOf<NotifyState | string>();
    expectTypeOf(notify.send).returns.toEqualTypeOf<boolean>();
    () => notify.send('READY=1', { pid: 1, fds: [3] as const });
    // @ts-expect-error: a list
    () => notify.send('READY=1', { fds: 3 });
  });

  test('has a short form for each occasion', () => {
    expectTypeOf(notify.ready).toEqualTypeOf<(status?: string) => boolean>();
    expectTypeOf(notify.reloading).toEqualTypeOf<(status?: string) => boolean>();
    expectTypeOf(notify.stopping).toEqualTypeOf<(status?: string) => boolean>();
    expectTypeOf(notify.status).toEqualTypeOf<(text: string) => boolean>();
    expectTypeOf(notify.extendTimeout).toEqualTypeOf<(ms: number) => boolean>();
    expectTypeOf(notify.barrier).returns.toEqualTypeOf<Promise<boolean>>();
    () => notify.barrier({ timeout: Infinity, signal: AbortSignal.timeout(1), pid: 1 });
    expectTypeOf(notify.unsetEnvironment).toEqualTypeOf<() => void>();
  });
});

test('a Watchdog is disposable', () => {
  expectTypeOf<Watchdog>().toExtend<Disposable>();
  expectTypeOf(watchdog.start).returns.toEqualTypeOf<Watchdog>();
  expectTypeOf(watchdog.timeout).toEqualTypeOf<() => number | undefined>();
  expectTypeOf(watchdog.ping).toEqualTypeOf<() => boolean>();
  expectTypeOf(watchdog.trigger).toEqualTypeOf<(reason?: string) => boolean>();
  () => {
    using running = watchdog.start({
      interval: 1,
      check: async () => true,
      onError: console.error,
    });
    running.stop();
  };
});

test('the store takes a number, what has one, and the sockets of Node', () => {
  type Stored = number | Descriptor | Server | HttpServer | Socket | DgramSocket;
  expectTypeOf<Stored>().toExtend<Storable>();
  expectTypeOf<string>().not.toExtend<Storable>();
  expectTypeOf(fdStore.add).returns.toEqualTypeOf<boolean>();
  expectTypeOf(fdStore.remove).toEqualTypeOf<(name: string) => boolean>();
  expectTypeOf(fdStore.limit).toEqualTypeOf<number | undefined>();
  () => fdStore.add('name', { fd: 3 }, { poll: false });
  () => {
    // @ts-expect-error: it can only be read
    fdStore.limit = 1;
  };
});

test('what was stored is taken by its name', () => {
  expectTypeOf(fdStore.take).toEqualTypeOf<(name: string) => readonly InheritedDescriptor[]>();
  expectTypeOf(fdStore.save).toEqualTypeOf<(name: string, state: Uint8Array) => boolean>();
  expectTypeOf(fdStore.load).toEqualTypeOf<(name: string) => Uint8Array | undefined>();
  () => fdStore.save('state', Buffer.from('a Buffer is one'));
  // @ts-expect-error: bytes, not a text
  () => fdStore.save('state', 'text');
});

test('PeerCredentials are read-only, and have groups or not', () => {
  type Asked = Parameters<typeof peerCredentials>[0];
  expectTypeOf<Socket | number | Descriptor>().toExtend<Asked>();
  expectTypeOf<Server>().not.toExtend<Asked>();
  expectTypeOf(peerCredentials).returns.toEqualTypeOf<PeerCredentials>();
  expectTypeOf<PeerCredentials>().toEqualTypeOf<{
    readonly pid: number;
    readonly uid: number;
    readonly gid: number;
    readonly groups?: readonly number[];
  }>();
});

test('a SystemdError always has a code, and may have each of the facts', () => {
  const error = new SystemdError('EBADF', 'message');
  expectTypeOf(error).toExtend<Error>();
  expectTypeOf(error.code).toEqualTypeOf<SystemdErrorCode | (string & {})>();
  expectTypeOf(error.errno).toEqualTypeOf<number | undefined>();
  expectTypeOf(error.syscall).toEqualTypeOf<string | undefined>();
  expectTypeOf(error.fd).toEqualTypeOf<number | undefined>();
  expectTypeOf(error.path).toEqualTypeOf<string | undefined>();
});

test('a SystemdErrorCode is one of the codes of this package', () => {
  expectTypeOf<'ERR_SYSTEMD_FD_KIND'>().toExtend<SystemdErrorCode>();
  expectTypeOf<'ERR_SYSTEMD_FD_KINDS'>().not.toExtend<SystemdErrorCode>();
  expectTypeOf<'EBADF'>().not.toExtend<SystemdErrorCode>();
});

test('the drain hook is given the connections and responses that are open', () => {
  const drain: NonNullable<ServeOptions['drain']> = (reason, { connections, responses }) => {
    expectTypeOf(reason).toEqualTypeOf<string>();
    expectTypeOf(connections).toEqualTypeOf<readonly (Socket | Http2Session)[]>();
    expectTypeOf(responses).toEqualTypeOf<readonly ServerResponse[]>();
    for (const connection of connections) connection.destroy();
  };
  expectTypeOf(drain).toExtend<(reason: string, open: DrainContext) => unknown>();
});

test('a service is one server with options of listen(), or a list of servers', () => {
  expectTypeOf(serve).returns.resolves.toEqualTypeOf<Service>();
  expectTypeOf<Service>().toExtend<AsyncDisposable>();
  expectTypeOf<Service['addresses']>().toEqualTypeOf<readonly Address[]>();
  expectTypeOf<Service['stopped']>().resolves.toEqualTypeOf<string>();
  expectTypeOf<Service['reload']>().returns.resolves.toEqualTypeOf<void>();
  expectTypeOf<ServeOptions['reload']>().toEqualTypeOf<(() => unknown) | 'roll' | undefined>();
  (server: Server, socket: DgramSocket, http: HttpServer) => [
    serve(server, { name: 'web', fallback: 3000, idleTimeout: 1000 }),
    serve([
      { server: http, name: 'web' },
      { server: socket, name: 'dns', fallback: { port: 5353 } },
    ]),
    serve(http, {
      watchdog: { check: async () => true },
      status: ({ connections }) => `${connections} open`,
      workers: { count: 2, heartbeat: false },
    }),
    serve(http, { watchdog: false, workers: 4, reload: 'roll', signals: 'take' }),
    // @ts-expect-error: not one of the two
    serve(http, { signals: 'mine' }),
    // @ts-expect-error: each server of a list says its own name
    serve([{ server }], { name: 'web' }),
    // @ts-expect-error: a status is a text
    serve(server, { status: () => 1 }),
  ];
});
