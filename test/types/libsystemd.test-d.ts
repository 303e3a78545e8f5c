import type { Socket as DgramSocket } from 'node:dgram';
import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
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
  type MemoryPressure,
  type MemoryPressureOptions,
  type MemoryPressureWatch,
  type NetlinkAddress,
  type NotifyState,
  notify,
  onMemoryPressure,
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
  type UnixConnection,
  type UnixPathAddress,
  type UnixServer,
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
      // @ts-expect-error: a socket has no path; its address may have one
      descriptor.path;
    } else {
      expectTypeOf(descriptor).toEqualTypeOf<FileDescriptor>();
      expectTypeOf(descriptor.path).toEqualTypeOf<string | undefined>();
      expectTypeOf(descriptor.kind).toEqualTypeOf<
        'fifo' | 'file' | 'device' | 'directory' | 'mq' | 'other'
      >();
      // @ts-expect-error: only a socket has a family
      descriptor.family;
    }
  });

  test('is read-only, and may have a name', () => {
    expectTypeOf(descriptor.fd).toEqualTypeOf<number>();
    expectTypeOf(descriptor.name).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: frozen
    descriptor.fd = 4;
  });

  test('can be passed to server.listen(), because it has an fd', () => {
    expectTypeOf<Descriptor>().toExtend<{ readonly fd: number }>();
    expectTypeOf<InheritedDescriptor>().toExtend<{ readonly fd: number }>();
    (server: Server) => server.listen(descriptor, 511, () => undefined);
  });

  test('is the result of inspect(); its queue is the result of acceptQueue()', () => {
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

  test('of a Unix socket is narrowed by its path or abstract name', () => {
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

  test('is the argument of formatAddress() and the result of listen()', () => {
    expectTypeOf(formatAddress).toEqualTypeOf<
      (address: Address | AddressInfo | string) => string
    >();
    expectTypeOf(listen).returns.toEqualTypeOf<Promise<readonly Address[]>>();
    // @ts-expect-error: a server that does not listen has no address
    () => formatAddress(null);
  });
});

describe('an InheritedDescriptor', () => {
  test('has a name, and is in a list that cannot be changed', () => {
    expectTypeOf(listenFds).parameters.toEqualTypeOf<[name?: string | undefined]>();
    expectTypeOf(listenFds()).toEqualTypeOf<readonly InheritedDescriptor[]>();
    expectTypeOf<InheritedDescriptor['name']>().toEqualTypeOf<string>();
    expectTypeOf<InheritedDescriptor>().toExtend<Descriptor>();
    // @ts-expect-error: frozen
    () => listenFds().push(descriptor);
    expectTypeOf(listenFd).parameters.toEqualTypeOf<[name?: string | undefined]>();
    expectTypeOf(listenFd('http')).toEqualTypeOf<InheritedDescriptor | undefined>();
  });

  test('is narrowed by its kind, and still has a name', () => {
    const [passed] = listenFds();
    if (passed?.kind !== 'socket') return;
    expectTypeOf(passed.name).toEqualTypeOf<string>();
    expectTypeOf(passed.localAddress).toEqualTypeOf<Address>();
  });

  test('is served by listen() and connection()', () => {
    expectTypeOf(listen).parameter(0).toEqualTypeOf<Server | DgramSocket | UnixServer>();
    expectTypeOf<HttpServer>().toExtend<Parameters<typeof listen>[0]>();
    expectTypeOf(listen).parameter(1).toEqualTypeOf<ListenFdOptions | undefined>();
    expectTypeOf<{ fallback: 8080 }>().toExtend<ListenFdOptions>();
    expectTypeOf<{ fallback: '/run/app.sock' }>().toExtend<ListenFdOptions>();
    expectTypeOf<{ fallback: { host: '::1'; port: 80 }; backlog: 5 }>().toExtend<ListenFdOptions>();
    expectTypeOf<{ fallback: true }>().not.toExtend<ListenFdOptions>();
    // `listenFds('web')[1]` has this type with noUncheckedIndexedAccess.
    expectTypeOf<{ descriptor: InheritedDescriptor | undefined }>().toExtend<ListenFdOptions>();
    expectTypeOf(connection).toEqualTypeOf<() => Socket | undefined>();
    expectTypeOf(booted).toEqualTypeOf<() => boolean>();
  });
});

describe('a NotifyState', () => {
  test('has the assignments of sd_notify(3), and private ones that begin with X_', () => {
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
    // @ts-expect-error: no assignment has this name
    () => notify.send({ redy: true });
    // @ts-expect-error: a private assignment begins with a capital X_
    () => notify.send({ x_foo: 'text' });
    // @ts-expect-error: fdStore.add() stores descriptors
    () => notify.send({ fdStore: true });
    // @ts-expect-error: a number is no boolean
    () => notify.send({ ready: 1 });
    // @ts-expect-error: no NotifyAccess= has this value
    () => notify.send({ notifyAccess: 'everyone' });
    // @ts-expect-error: the watchdog knows only true and 'trigger'
    () => notify.send({ watchdog: 'stop' });
    // @ts-expect-error: mainPidFd is a number or true
    () => notify.send({ mainPidFd: false });
    // @ts-expect-error: a private assignment is a text or a number
    () => notify.send({ X_FOO: true });
  });

  test('is sent as an object or a text, with options', () => {
    expectTypeOf(notify.send).parameter(0).toEqualTypeOf<NotifyState | string>();
    expectTypeOf(notify.send).returns.toEqualTypeOf<boolean>();
    () => notify.send('READY=1', { pid: 1, fds: [3] as const });
    // @ts-expect-error: fds is a list
    () => notify.send('READY=1', { fds: 3 });
  });

  test('has a method of notify for each common case', () => {
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

test('the fd store accepts a number, an object with an fd, and servers and sockets of Node', () => {
  type Stored = number | Descriptor | Server | HttpServer | Socket | DgramSocket;
  expectTypeOf<Stored>().toExtend<Storable>();
  expectTypeOf<string>().not.toExtend<Storable>();
  expectTypeOf(fdStore.add).returns.toEqualTypeOf<boolean>();
  expectTypeOf(fdStore.remove).toEqualTypeOf<(name: string) => boolean>();
  expectTypeOf(fdStore.limit).toEqualTypeOf<number | undefined>();
  () => fdStore.add('name', { fd: 3 }, { poll: false });
  () => {
    // @ts-expect-error: limit is read-only
    fdStore.limit = 1;
  };
});

test('a stored descriptor or state is taken by its name', () => {
  expectTypeOf(fdStore.take).toEqualTypeOf<(name: string) => readonly InheritedDescriptor[]>();
  expectTypeOf(fdStore.save).toEqualTypeOf<(name: string, state: Uint8Array) => boolean>();
  expectTypeOf(fdStore.load).toEqualTypeOf<(name: string) => Uint8Array | undefined>();
  () => fdStore.save('state', Buffer.from('a Buffer is one'));
  // @ts-expect-error: a state is bytes, no text
  () => fdStore.save('state', 'text');
});

test('PeerCredentials are read-only, and may have groups', () => {
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

test('the drain hook gets the open connections and responses', () => {
  const drain: NonNullable<ServeOptions['drain']> = (reason, { connections, responses }) => {
    expectTypeOf(reason).toEqualTypeOf<string>();
    expectTypeOf(connections).toEqualTypeOf<readonly (Socket | Http2Session | UnixConnection)[]>();
    expectTypeOf(responses).toEqualTypeOf<readonly ServerResponse[]>();
    for (const connection of connections) connection.destroy();
  };
  expectTypeOf(drain).toExtend<(reason: string, open: DrainContext) => unknown>();
});

test('onMemoryPressure() has a listener, options, and a disposable watch', () => {
  expectTypeOf(onMemoryPressure).returns.toEqualTypeOf<MemoryPressureWatch>();
  expectTypeOf<MemoryPressureWatch>().toExtend<Disposable>();
  expectTypeOf<MemoryPressureWatch['source']>().toEqualTypeOf<string | undefined>();
  expectTypeOf<MemoryPressure['stalled']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<ServeOptions['memoryPressure']>().toEqualTypeOf<
    boolean | ((event: MemoryPressure) => unknown) | undefined
  >();
  (signal: AbortSignal) => [
    onMemoryPressure(({ stalled }) => stalled, { signal, collect: true, fallback: 'cgroup' }),
    onMemoryPressure(async () => {}, { fallback: false } satisfies MemoryPressureOptions),
    // @ts-expect-error: there is no such fallback
    onMemoryPressure(() => {}, { fallback: 'machine' }),
    // @ts-expect-error: a listener is needed
    onMemoryPressure(),
  ];
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
    // @ts-expect-error: signals cannot have this value
    serve(http, { signals: 'mine' }),
    // @ts-expect-error: in a list each server has its own name
    serve([{ server }], { name: 'web' }),
    // @ts-expect-error: a status is a text
    serve(server, { status: () => 1 }),
  ];
});
