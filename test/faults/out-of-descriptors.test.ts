// EMFILE: this process has no descriptor left. What needs one says so, leaves nothing behind, and
// succeeds when there are some again; what the manager is to be told waits until it can be sent.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import {
  binding,
  failure,
  type Leaks,
  noLeaks,
  type Outcome,
  type ProgramOptions,
  run,
} from './support.ts';

/** So many a process may have; Node takes 20 for itself. */
const few = ['prlimit', '--nofile=64:64'];

/** What was passed as descriptor 3 becomes standard input, as with StandardInput=socket. */
const onStdin = ['sh', '-c', 'exec "$0" "$@" 0<&3 3<&-'];

const tcp = { specs: ['tcp:127.0.0.1:0'] };
const unix = { specs: ['unix:@NAME,backlog=7'] };
const udp = { specs: ['udp:127.0.0.1:0'] };

const listening = `
  const server = net.createServer();
  const [{ family }] = await listen(server);
  const { limit } = acceptQueue(server._handle.fd);
  await once(server.close(), 'close');
  return [family, limit];`;

const connecting = `
  const socket = connection();
  return once(socket.destroy(), 'close').then(() => socket.destroyed);`;

const watching = `
  const running = watchdog.start();
  await sleep(1); // its check comes before its ping
  running.stop();
  return running.constructor.name;`;

/** Both entries of the package load the add-on, and a wrong argument is refused by it. */
const addonLoaded = "inspect(0); try { sd.sd_is_fifo(''); } catch {}";

/** What has been loaded by the time that no descriptor is left. */
const stages = {
  nothing: '',
  'the add-on': addonLoaded,
  all: `${addonLoaded} sd.sd_is_fifo(0);`,
};

/** What fails with EMFILE, in the order of the stages; undefined: nothing does. */
type Failing = readonly [string | undefined, string | undefined, string | undefined];

const addon = 'dlopen libsystemd.node';
const library = 'dlopen libsystemd.so.0';
const sending = 'sd_pid_notify_with_fds';

interface Case {
  readonly what: string;
  /** The body of an async function. */
  readonly call: string;
  readonly failing: Failing;
  /** What it gives when it does not fail, be it at once or later. */
  readonly gives: unknown;
  /** What the manager is told in the end. */
  readonly tells?: readonly string[];
  /** How many of the descriptors that were passed are closed when it does not fail. */
  readonly closes?: number;
  readonly options?: ProgramOptions;
  /** How many descriptors are left; 0 by default. */
  readonly left?: number;
}

const cases: readonly Case[] = [
  {
    what: 'inspect()',
    call: 'return inspect(0).kind;',
    failing: [addon, undefined, undefined],
    gives: 'device',
  },
  {
    what: 'peerCredentials()',
    call: 'return peerCredentials(3).pid > 0;',
    options: { specs: ['socketpair'] },
    failing: [addon, undefined, undefined],
    gives: true,
  },
  {
    what: 'acceptQueue() of a TCP socket',
    call: 'return acceptQueue(3);',
    options: tcp,
    failing: [addon, undefined, undefined],
    gives: { waiting: 0, limit: 4096 },
  },
  {
    what: 'acceptQueue() of a Unix socket',
    call: 'return acceptQueue(3);',
    options: unix,
    failing: [addon, 'socket', 'socket'],
    gives: { waiting: 0, limit: 7 },
  },
  {
    what: 'listenFds() of a TCP socket',
    call: 'return listenFds().length;',
    options: tcp,
    failing: [addon, library, undefined],
    gives: 1,
  },
  {
    what: 'listenFds() of a Unix socket',
    call: 'return listenFds().length;',
    options: unix,
    failing: [addon, library, undefined],
    gives: 1,
  },
  {
    what: 'listen() on a TCP socket',
    call: listening,
    options: tcp,
    failing: [addon, library, 'dup'],
    gives: ['inet', 4096],
  },
  {
    what: 'listen() on a Unix socket with one descriptor, which it takes to ask and then to copy,',
    call: 'const server = net.createServer(); const [at] = await listen(server); server.close(); return at.family;',
    options: unix,
    left: 1,
    failing: [undefined, undefined, undefined],
    gives: 'unix',
  },
  {
    what: 'listen() on a UDP socket',
    call: binding,
    options: udp,
    failing: [addon, library, 'dup'],
    gives: 'inet',
  },
  {
    what: 'listen() on an abstract fallback, whose address it can not ask for,',
    call: `
      const server = net.createServer();
      const [{ family }] = await listen(server, { fallback: '\\0' + process.pid });
      await once(server.close(), 'close');
      return family;`,
    left: 1,
    failing: [addon, undefined, undefined],
    gives: 'unix',
  },
  {
    what: 'connection() as descriptor 3',
    call: connecting,
    options: { specs: ['tcp-connected'] },
    failing: [addon, library, undefined],
    gives: true,
    closes: 1,
  },
  {
    what: 'connection() as standard input',
    call: connecting,
    options: { specs: ['tcp-connected'], pid: 'none', fds: 'none', through: onStdin },
    failing: [addon, 'dup', 'dup'],
    gives: true,
  },
  {
    what: 'notify.ready()',
    call: "return notify.ready('up');",
    failing: [undefined, undefined, undefined],
    gives: true,
    tells: ['READY=1\nSTATUS=up'],
  },
  {
    what: 'notify.send() with descriptors',
    call: "return notify.send('X_FDS=2', { fds: [0, 1] });",
    failing: [addon, sending, sending],
    gives: true,
    tells: ['X_FDS=2'],
  },
  {
    what: 'notify.send() with descriptors, of which it can copy one,',
    call: "return notify.send('X_FDS=2', { fds: [0, 1] });",
    left: 1,
    failing: [undefined, undefined, undefined],
    gives: true,
    tells: ['X_FDS=2'],
  },
  {
    what: 'notify.barrier()',
    call: 'return notify.barrier();',
    failing: [addon, 'pipe2', 'pipe2'],
    gives: true,
    tells: ['BARRIER=1'],
  },
  {
    what: 'notify.barrier() with half a pipe',
    call: 'return notify.barrier();',
    left: 1,
    failing: ['pipe2', 'pipe2', 'pipe2'],
    gives: true,
    tells: ['BARRIER=1'],
  },
  {
    what: 'notify.barrier(), which can not send its pipe,',
    call: 'return notify.barrier();',
    left: 2,
    failing: [sending, sending, sending],
    gives: true,
    tells: ['BARRIER=1'],
  },
  {
    what: 'watchdog.timeout()',
    call: 'return watchdog.timeout();',
    failing: [undefined, undefined, undefined],
    gives: 3000,
  },
  {
    what: 'watchdog.start()',
    call: watching,
    failing: [undefined, undefined, undefined],
    gives: 'Watch',
    tells: ['WATCHDOG=1'],
  },
  {
    what: 'fdStore.add()',
    call: "return fdStore.add('x', 0);",
    failing: [addon, sending, sending],
    gives: true,
    tells: ['FDSTORE=1\nFDNAME=x'],
  },
  {
    what: 'fdStore.remove()',
    call: "return fdStore.remove('x');",
    failing: [undefined, undefined, undefined],
    gives: true,
    tells: ['FDSTOREREMOVE=1\nFDNAME=x'],
  },
  {
    what: 'fdStore.save()',
    call: "return fdStore.save('x', Uint8Array.of(1));",
    failing: [addon, 'memfd_create', 'memfd_create'],
    gives: true,
    tells: ['FDSTOREREMOVE=1\nFDNAME=x', 'FDSTORE=1\nFDNAME=x\nFDPOLL=0'],
  },
  {
    what: 'fdStore.save(), which can not send its file,',
    call: "return fdStore.save('x', Uint8Array.of(1));",
    left: 1,
    failing: [sending, sending, sending],
    gives: true,
    tells: ['FDSTOREREMOVE=1\nFDNAME=x', 'FDSTORE=1\nFDNAME=x\nFDPOLL=0'],
  },
  {
    what: 'fdStore.load()',
    call: "const state = fdStore.load('x'); return String(Buffer.from(state));",
    options: { specs: ['sealed:kept'], names: 'x' },
    failing: [addon, library, undefined],
    gives: 'kept',
    closes: 1,
    tells: ['FDSTOREREMOVE=1\nFDNAME=x'],
  },
  {
    what: 'fdStore.take()',
    call: "return fdStore.take('a').length;",
    options: { specs: ['pipe', 'pipe'], names: 'a:a' },
    failing: [addon, library, undefined],
    gives: 2,
    tells: ['FDSTOREREMOVE=1\nFDNAME=a'],
  },
  {
    what: 'sd_is_fifo()',
    call: 'return sd.sd_is_fifo(0);',
    failing: [addon, library, undefined],
    gives: false,
  },
  {
    what: 'sd_notify()',
    call: "return sd.sd_notify(false, 'X=1');",
    failing: [addon, library, 'sd_notify'],
    gives: true,
    tells: ['X=1'],
  },
];

function program({ call, left = 0 }: Case, loaded: string): string {
  return `
    ${loaded}
    const call = async () => { ${call} };
    const before = openFiles();
    const giveBack = exhaust(${left});
    const first = await outcome(call);
    const second = first.error ? await outcome(call) : first;
    giveBack();
    const after = first.error ? await outcome(call) : first;
    say({ first, second, after, leaks: await leaked(before), warnings });
    notify.send('X_END=1');`;
}

interface Found {
  readonly first: Outcome;
  readonly second: Outcome;
  readonly after: Outcome;
  readonly leaks: Leaks;
  readonly warnings: readonly unknown[];
}

async function find(manager: Receiver, one: Case, loaded: string): Promise<Found> {
  const { specs = [], through = [], ...options } = one.options ?? {};
  const [found] = await run<Found>(program(one, loaded), {
    ...options,
    specs: specs.map((spec) => spec.replace('NAME', randomUUID())),
    through: [...through, ...few],
    env: { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000' },
  });
  await manager.until('X_END=1');
  return found as Found;
}

function exhausted(failing: string): unknown {
  const [syscall, path] = failing.split(' ');
  return failure('EMFILE', path === undefined ? { syscall } : { syscall, path });
}

const rows = cases.flatMap((one) =>
  Object.entries(stages).map(([stage, loaded], i) => {
    const failing = one.failing[i];
    const becomes = failing === undefined ? 'does what it does' : `fails by ${failing}`;
    return [`${one.what} with ${stage} loaded ${becomes}`, { one, loaded, failing }] as const;
  }),
);

describe.concurrent('with no descriptor left', () => {
  test.each(rows)('%s', async (_title, { one, loaded, failing }) => {
    await using manager = await startReceiver();
    const gives = { value: one.gives };
    const meanwhile = failing === undefined ? gives : exhausted(failing);
    expect(await find(manager, one, loaded)).toEqual({
      first: meanwhile,
      second: meanwhile,
      after: gives,
      leaks: { ...noLeaks, gone: one.closes ?? 0 },
      warnings: [],
    });
    const told = manager.messages.map(({ message }) => message);
    expect(told.filter((message) => message !== 'X_END=1')).toEqual(one.tells ?? []);
  });
});

test('a cluster worker that can not look into its primary says so, and looks again', async () => {
  const program = ['test/faults/programs/looking-worker.mjs'];
  const specs = ['tcp:127.0.0.1:0', 'pipe'];
  const refused = { code: 'EMFILE', syscall: 'pidfd_getfd' };
  const found = { meanwhile: [refused, refused], after: 2, left: 0 };
  expect(await run(program, { specs, through: few })).toEqual([found]);
});
