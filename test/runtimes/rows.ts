// The rows of the table in docs/runtimes.md: a behaviour of the package, its test, and the runtimes in which it differs.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { askEnvironment, watchMemory } from './given.ts';
import type { Kind, Runtime } from './runtimes.ts';
import {
  answerPipelinedRequests,
  drainService,
  expectStopped,
  passConnection,
  readLine,
  serveOne,
  stopReadingDatagrams,
  TCP,
  YES,
} from './scenarios.ts';
import { connectTo, request, Session } from './session.ts';

export interface Exception {
  /** The outcome instead of {@link YES}: an error's code, or what the program sees. */
  readonly outcome: string;
  /** The reason, and what the package does about it. */
  readonly note: string;
}

export interface Row {
  readonly what: string;
  readonly run: (runtime: Runtime) => Promise<string>;
  /** The only kind of runtime for this row. Default: all. */
  readonly only?: Kind;
  readonly except?: { readonly [kind in Kind]?: Exception };
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const folder = mkdtempSync(join(tmpdir(), 'libsystemd-runtimes-'));
afterAll(() => rmSync(folder, { recursive: true }));

let sockets = 0;
const unixSpec = () => `unix:${folder}/${sockets++}`;

const BUN_HTTP: Exception = {
  outcome: 'ERR_SYSTEMD_RUNTIME',
  note: 'Bun’s `http` and `https` ignore `listen({ fd })` and take a port of their own choice. `listen()` and `serve()` see that, close the server and throw. Serve it over `net`, as below.',
};

const EMULATED_QUEUE: Exception = {
  outcome: 'not told',
  note: 'qemu-user does not pass the kernel’s answers on, which real arm64 has. `acceptQueue()` gives undefined, and the queue becomes as long as the kernel lets it (net.core.somaxconn).',
};

export function rows({ key, cert }: Certificate): readonly Row[] {
  return [
    {
      what: 'loads by `import` and by `require()`',
      async run(runtime) {
        await using session = await Session.start(runtime, 'load');
        const loaded = { require: 'function', import: 'function', addon: 'boolean' };
        expect(await session.said('addon')).toEqual(loaded);
        return YES;
      },
    },
    {
      what: '`listenFds()`, `inspect()`; child processes don’t see LISTEN_*',
      async run(runtime) {
        await using session = await Session.start(runtime, 'inherited', {
          specs: [TCP, unixSpec()],
          names: 'tcp:unix',
        });
        const { descriptors, same, childSees } = await session.said('descriptors');
        const expected = [
          { fd: 3, name: 'tcp', kind: 'socket', family: 'inet', type: 'stream', listening: true },
          { fd: 4, name: 'unix', kind: 'socket', family: 'unix', type: 'stream', listening: true },
        ];
        expect(descriptors).toMatchObject(expected);
        expect(same).toMatchObject(expected.map(({ name, ...others }) => others));
        expect(childSees).toBeNull();
        return YES;
      },
    },
    { what: '`listen()`: `net` on TCP', run: (runtime) => serveOne(runtime, 'net', TCP) },
    {
      what: '`listen()`: `net` on a Unix socket',
      run: (runtime) => serveOne(runtime, 'net', unixSpec()),
    },
    {
      what: '`listen()`: `http` on TCP',
      run: (runtime) => serveOne(runtime, 'http', TCP),
      except: { bun: BUN_HTTP },
    },
    {
      what: '`listen()`: `http` on a Unix socket',
      run: (runtime) => serveOne(runtime, 'http', unixSpec()),
      except: { bun: BUN_HTTP },
    },
    {
      what: '`listen()`: `https`',
      run: (runtime) => serveOne(runtime, 'https', TCP, { key, cert }),
      except: { bun: BUN_HTTP },
    },
    { what: '`listen()`: `http2`', run: (runtime) => serveOne(runtime, 'http2', TCP) },
    {
      what: '`listen()`: `http` over `net`',
      run: (runtime) => serveOne(runtime, 'http over net', TCP),
    },
    {
      what: '`listen()`: `dgram`',
      async run(runtime) {
        await using session = await Session.start(runtime, 'listen', {
          specs: ['udp:127.0.0.1:0'],
          input: { kind: 'udp' },
        });
        const { address } = await session.said('address');
        const client = createSocket('udp4');
        client.send('question', address!.port!, '127.0.0.1');
        const [reply] = await once(client, 'message');
        client.close();
        expect(String(reply)).toBe('answer');
        return YES;
      },
      except: {
        deno: {
          outcome: 'ERR_INVALID_FD_TYPE',
          note: 'Deno’s `dgram` takes no descriptor, and its own `bind()` says so.',
        },
      },
    },
    {
      what: '`acceptQueue()`; the unit’s backlog stays',
      async run(runtime) {
        const specs = [TCP];
        const options = { specs, input: { kind: 'net' } };
        await using session = await Session.start(runtime, 'listen', options);
        const { limit } = await session.said('address');
        return limit === 1000 ? YES : limit === undefined ? 'not told' : `${limit}`;
      },
      except: { emulated: EMULATED_QUEUE },
    },
    { what: '`connection()`: descriptor 3', run: (runtime) => passConnection(runtime, 3) },
    { what: '`connection()`: standard input', run: (runtime) => passConnection(runtime, 0) },
    {
      what: '`peerCredentials()`',
      async run(runtime) {
        await using session = await Session.start(runtime, 'peer', { specs: [unixSpec()] });
        connectTo((await session.said('address')).address!).on('error', () => undefined);
        const { pid, uid } = await session.said('pid');
        expect({ pid, uid }).toEqual({ pid: process.pid, uid: process.getuid!() });
        return YES;
      },
    },
    {
      what: '`notify`',
      async run(runtime) {
        await using session = await Session.start(runtime, 'notify');
        expect(await session.said('sent')).toEqual({ sent: true });
        expect((await session.receives('READY=1\nSTATUS=up')).pid).toBe(session.pid);
        return YES;
      },
    },
    {
      what: '`notify`, where the program itself set NOTIFY_SOCKET',
      async run(runtime) {
        await using session = await Session.start(runtime, 'notifyElsewhere', { managed: false });
        expect(await session.said('sent')).toEqual({ sent: true });
        await session.receives('READY=1');
        return YES;
      },
    },
    {
      what: '`notify.barrier()`',
      async run(runtime) {
        expect(await readLine(runtime, 'barrier', 'passed')).toBe(true);
        return YES;
      },
      except: {
        bun: {
          outcome: 'ERR_SYSTEMD_RUNTIME',
          note: 'Bun’s `net.Socket` of a pipe never ends. `notify.barrier()` throws before it sends anything; `sd_notify_barrier()` of `libsystemd/sd`, which blocks, can be used.',
        },
      },
    },
    {
      what: '`sd_notify_barrier()`',
      async run(runtime) {
        expect(await readLine(runtime, 'sdBarrier', 'passed')).toBe(true);
        return YES;
      },
    },
    {
      what: '`watchdog`',
      async run(runtime) {
        await using session = await Session.start(runtime, 'watchdog', {
          env: { WATCHDOG_USEC: '400000' },
        });
        expect(await session.said('timeout')).toEqual({ timeout: 400 });
        for (let ping = 0; ping < 3; ping++) await session.receives('WATCHDOG=1');
        return YES;
      },
    },
    {
      what: '`libsystemd/unix`: 1,000 messages to an inherited `UnixDatagram`, in order',
      async run(runtime) {
        const path = `${folder}/${sockets++}`;
        await using session = await Session.start(runtime, 'datagrams', {
          specs: [`unix-dgram:${path}`],
        });
        expect(await session.said('inOrder')).toEqual({ inOrder: true });
        await session.ended();
        return YES;
      },
    },
    {
      what: '`onMemoryPressure()`, with `collect`',
      run: watchMemory,
    },
    {
      what: '`libsystemd/environment`: credentials, directories, ids, units',
      run: askEnvironment,
    },
    {
      what: '`libsystemd/unix`: an inherited `UnixSeqpacketServer`, an empty message, the end',
      async run(runtime) {
        const specs = [`unix-seqpacket:${folder}/${sockets++}`];
        await using session = await Session.start(runtime, 'seqpacket', { specs });
        expect(await session.said('received')).toEqual({ received: ['a', '', 'b'] });
        await session.ended();
        return YES;
      },
    },
    {
      what: '`listen()` in a worker thread',
      async run(runtime) {
        await using session = await Session.start(runtime, 'thread', { specs: [TCP] });
        expect(await request(await session.said('address'))).toBe('answer');
        return YES;
      },
    },
    {
      what: '`listen()` in a cluster worker that accepts by itself',
      async run(runtime) {
        await using session = await Session.start(runtime, 'cluster', {
          specs: [TCP, unixSpec()],
          names: 'tcp:unix',
        });
        for (const _ of ['tcp', 'unix']) {
          expect(await request(await session.said('address'))).toBe('answer');
        }
        session.signal('SIGTERM');
        await session.ended();
        return YES;
      },
    },
    {
      what: '`serve()`: an answer under way gets `Connection: close`; reload',
      async run(runtime) {
        expect(await drainService(runtime, 'http')).toMatch(/^Connection: close\r$/m);
        return YES;
      },
      except: { bun: BUN_HTTP },
    },
    {
      what: '`serve()`: the same on a fallback, not started by systemd',
      async run(runtime) {
        expect(await drainService(runtime, 'http', [])).toMatch(/^Connection: close\r$/m);
        return YES;
      },
    },
    {
      what: '`serve()`: pipelined requests are all answered, the last with `Connection: close`',
      run: answerPipelinedRequests,
      only: 'node',
    },
    {
      what: '`serve()`: datagrams that come after the stop has begun are not read',
      run: stopReadingDatagrams,
      only: 'node',
    },
    {
      what: '`serve()`: `http` over `net`, with a `drain` hook that closes idle connections',
      async run(runtime) {
        await drainService(runtime, 'http over net');
        return YES;
      },
      only: 'bun',
    },
    {
      what: '`serve({ workers: 2 })`',
      async run(runtime) {
        await using session = await Session.start(runtime, 'serve', {
          specs: [TCP],
          input: { kind: 'net', workers: 2 },
        });
        const line = await session.said('address');
        await session.receives('READY=1');
        expect(await request(line)).toBe('answer');
        session.signal('SIGTERM');
        await expectStopped(session);
        return YES;
      },
    },
    {
      what: '`fdStore.save()`, `load()`',
      async run(runtime) {
        await using session = await Session.start(runtime, 'store', {
          specs: ['sealed:content'],
          names: 'state',
        });
        expect(await session.said('state')).toEqual({ state: 'content', saved: true });
        const { fds } = await session.receives('FDSTORE=1\nFDNAME=state');
        expect(fds).toMatchObject([{ mode: 'file', link: '/memfd:state (deleted)' }]);
        return YES;
      },
    },
    {
      what: '`fdStore.add()` of a server',
      async run(runtime) {
        await using session = await Session.start(runtime, 'storeServer', { specs: [TCP] });
        expect(await session.said('added')).toEqual({ added: true });
        const { fds } = await session.receives('FDSTORE=1\nFDNAME=server');
        expect(fds).toMatchObject([{ mode: 'socket' }]);
        return YES;
      },
      except: {
        deno: {
          outcome: 'ERR_INVALID_ARG_TYPE',
          note: 'Deno tells nobody the descriptors of its TCP servers and sockets. Give `fdStore.add()` the number, as `listenFd()` has it.',
        },
      },
    },
  ];
}
