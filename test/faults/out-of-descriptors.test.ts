// EMFILE: the process has no free descriptor. A call that needs one fails with EMFILE, leaves nothing
// open, and succeeds once there are free ones again. A notification waits until it can be sent.
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

/** A low limit of descriptors. Node takes 20 for itself. */
const lowLimit = ['prlimit', '--nofile=64:64'];

/** Makes descriptor 3 the standard input, as StandardInput=socket does. */
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
  await sleep(1); // the first ping is not sent before the next microtask
  return running.stop() ?? 'stopped';`;

/**
 * Loads the add-on for both entries of the package. The add-on refuses the argument, without
 * libsystemd.
 */
const addonLoaded = "inspect(0); try { sd.sd_is_fifo(''); } catch {}";

/** The code that has run before no descriptor is free, by what it has loaded. */
const stages = {
  nothing: '',
  'the add-on': addonLoaded,
  all: `${addonLoaded} sd.sd_is_fifo(0);`,
};

/** The system call that fails with EMFILE, for each of the stages; undefined when none fails. */
type Failing = readonly [string | undefined, string | undefined, string | undefined];

const addon = 'dlopen libsystemd.node';
const sending = 'sd_pid_notify_with_fds';

interface Case {
  readonly what: string;
  /** The body of an async function. */
  readonly call: string;
  readonly failing: Failing;
  /** The value of the call when it does not fail, now or later. */
  readonly gives: unknown;
  /** The messages that arrive at the manager in the end. */
  readonly messages?: readonly string[];
  /** How many of the passed descriptors the call closes when it does not fail. */
  readonly closes?: number;
  readonly options?: ProgramOptions;
  /** How many descriptors are free; 0 by default. */
  readonly free?: number;
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
    failing: [addon, undefined, undefined],
    gives: 1,
  },
  {
    what: 'listenFds() of a Unix socket',
    call: 'return listenFds().length;',
    options: unix,
    failing: [addon, undefined, undefined],
    gives: 1,
  },
  {
    what: 'listen() on a TCP socket',
    call: listening,
    options: tcp,
    failing: [addon, 'dup', 'dup'],
    gives: ['inet', 4096],
  },
  {
    what: 'listen() on a Unix socket with one free descriptor, which it uses twice,',
    call: 'const server = net.createServer(); const [at] = await listen(server); server.close(); return at.family;',
    options: unix,
    free: 1,
    failing: [undefined, undefined, undefined],
    gives: 'unix',
  },
  {
    what: 'listen() on a UDP socket',
    call: binding,
    options: udp,
    failing: [addon, 'dup', 'dup'],
    gives: 'inet',
  },
  {
    what: 'listen() on an abstract fallback',
    call: `
      const server = net.createServer();
      const [{ family }] = await listen(server, { fallback: '\\0' + process.pid });
      await once(server.close(), 'close');
      return family;`,
    free: 1,
    failing: [addon, undefined, undefined],
    gives: 'unix',
  },
  {
    what: 'connection() as descriptor 3',
    call: connecting,
    options: { specs: ['tcp-connected'] },
    failing: [addon, undefined, undefined],
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
    messages: ['READY=1\nSTATUS=up'],
  },
  {
    what: 'notify.send() with descriptors',
    call: "return notify.send('X_FDS=2', { fds: [0, 1] });",
    failing: [addon, sending, sending],
    gives: true,
    messages: ['X_FDS=2'],
  },
  {
    what: 'notify.send() with two descriptors and one free one',
    call: "return notify.send('X_FDS=2', { fds: [0, 1] });",
    free: 1,
    failing: [undefined, undefined, undefined],
    gives: true,
    messages: ['X_FDS=2'],
  },
  {
    what: 'notify.barrier()',
    call: 'return notify.barrier();',
    failing: [addon, 'pipe2', 'pipe2'],
    gives: true,
    messages: ['BARRIER=1'],
  },
  {
    what: 'notify.barrier() with one free descriptor',
    call: 'return notify.barrier();',
    free: 1,
    failing: ['pipe2', 'pipe2', 'pipe2'],
    gives: true,
    messages: ['BARRIER=1'],
  },
  {
    what: 'notify.barrier() with two free descriptors',
    call: 'return notify.barrier();',
    free: 2,
    failing: [sending, sending, sending],
    gives: true,
    messages: ['BARRIER=1'],
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
    gives: 'stopped',
    messages: ['WATCHDOG=1'],
  },
  {
    what: 'fdStore.add()',
    call: "return fdStore.add('x', 0);",
    failing: [addon, sending, sending],
    gives: true,
    messages: ['FDSTORE=1\nFDNAME=x'],
  },
  {
    what: 'fdStore.remove()',
    call: "return fdStore.remove('x');",
    failing: [undefined, undefined, undefined],
    gives: true,
    messages: ['FDSTOREREMOVE=1\nFDNAME=x'],
  },
  {
    what: 'fdStore.save()',
    call: "return fdStore.save('x', Uint8Array.of(1));",
    failing: [addon, 'memfd_create', 'memfd_create'],
    gives: true,
    messages: ['FDSTOREREMOVE=1\nFDNAME=x', 'FDSTORE=1\nFDNAME=x\nFDPOLL=0'],
  },
  {
    what: 'fdStore.save() with one free descriptor',
    call: "return fdStore.save('x', Uint8Array.of(1));",
    free: 1,
    failing: [sending, sending, sending],
    gives: true,
    messages: ['FDSTOREREMOVE=1\nFDNAME=x', 'FDSTORE=1\nFDNAME=x\nFDPOLL=0'],
  },
  {
    what: 'fdStore.load()',
    call: "const state = fdStore.load('x'); return String(Buffer.from(state));",
    options: { specs: ['sealed:kept'], names: 'x' },
    failing: [addon, undefined, undefined],
    gives: 'kept',
    closes: 1,
    messages: ['FDSTOREREMOVE=1\nFDNAME=x'],
  },
  {
    what: 'fdStore.take()',
    call: "return fdStore.take('a').length;",
    options: { specs: ['pipe', 'pipe'], names: 'a:a' },
    failing: [addon, undefined, undefined],
    gives: 2,
    messages: ['FDSTOREREMOVE=1\nFDNAME=a'],
  },
  {
    what: 'sd_is_fifo()',
    call: 'return sd.sd_is_fifo(0);',
    failing: [addon, undefined, undefined],
    gives: false,
  },
  {
    what: 'sd_notify()',
    call: "return sd.sd_notify(false, 'X=1');",
    failing: [addon, 'sd_notify', 'sd_notify'],
    gives: true,
    messages: ['X=1'],
  },
];

function program({ call, free = 0 }: Case, loaded: string): string {
  return `
    ${loaded}
    const call = async () => { ${call} };
    const before = openFiles();
    const closeAll = exhaust(${free});
    const first = await outcome(call);
    const second = first.error ? await outcome(call) : first;
    closeAll();
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

async function runCase(manager: Receiver, item: Case, loaded: string): Promise<Found> {
  const { specs = [], through = [], ...options } = item.options ?? {};
  const [found] = await run<Found>(program(item, loaded), {
    ...options,
    specs: specs.map((spec) => spec.replace('NAME', randomUUID())),
    through: [...through, ...lowLimit],
    env: { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000' },
  });
  await manager.until('X_END=1');
  return found as Found;
}

function exhausted(failing: string): unknown {
  const [syscall, path] = failing.split(' ');
  return failure('EMFILE', path === undefined ? { syscall } : { syscall, path });
}

const rows = cases.flatMap((item) =>
  Object.entries(stages).map(([stage, loaded], i) => {
    const failing = item.failing[i];
    const outcome = failing === undefined ? 'works' : `fails by ${failing}`;
    return [`${item.what} with ${stage} loaded ${outcome}`, { item, loaded, failing }] as const;
  }),
);

describe.concurrent('with no free descriptor', () => {
  test.each(rows)('%s', async (_title, { item, loaded, failing }) => {
    await using manager = await startReceiver();
    const gives = { value: item.gives };
    const meanwhile = failing === undefined ? gives : exhausted(failing);
    expect(await runCase(manager, item, loaded)).toEqual({
      first: meanwhile,
      second: meanwhile,
      after: gives,
      leaks: { ...noLeaks, gone: item.closes ?? 0 },
      warnings: [],
    });
    const messages = manager.messages.map(({ message }) => message);
    expect(messages.filter((message) => message !== 'X_END=1')).toEqual(item.messages ?? []);
  });
});

/** What sends by the socket that the process keeps needs no descriptor for that any more. */
const afterNotification = cases.filter(
  ({ failing, messages = [] }) => failing[2] === sending && messages.length > 0,
);

describe.concurrent('with no free descriptor, after a first notification', () => {
  test.each(afterNotification.map((item) => [item.what, item] as const))(
    '%s works',
    async (_what, item) => {
      await using manager = await startReceiver();
      const value = { value: item.gives };
      expect(await runCase(manager, item, `${stages.all} notify.send('X_FIRST=1');`)).toEqual({
        ...{ first: value, second: value, after: value },
        ...{ leaks: noLeaks, warnings: [] },
      });
      const messages = manager.messages.map(({ message }) => message);
      expect(messages).toEqual(['X_FIRST=1', ...(item.messages ?? []), 'X_END=1']);
    },
  );
});

test('a cluster worker that cannot inspect its primary throws EMFILE, and a later call works', async () => {
  const program = ['test/faults/programs/listing-worker.mjs'];
  const specs = ['tcp:127.0.0.1:0', 'pipe'];
  const refused = { code: 'EMFILE', syscall: 'open' };
  const found = { meanwhile: [refused, refused], after: 2, left: 0 };
  expect(await run(program, { specs, through: lowLimit })).toEqual([found]);
});

describe.concurrent("import 'libsystemd', which reads a part of the package at the first call that needs the part,", () => {
  /** Calls notify.ready() before the parts are loaded, or once they are, without a free descriptor. */
  const source = (wait: string) => `
    const { notify: parted } = await import('libsystemd');
    ${wait}
    const call = async () => parted.ready();
    const closeAll = exhaust();
    const meanwhile = await outcome(call);
    closeAll();
    say({ meanwhile, after: await outcome(call) });`;

  test.each([
    [
      'throws EMFILE when it has no descriptor to read one',
      '',
      failure('EMFILE', { syscall: 'open' }),
    ],
    ['needs none a second later', 'await sleep(1_500);', { value: true }],
  ])('%s', async (_what, wait, meanwhile) => {
    await using manager = await startReceiver();
    const env = { NOTIFY_SOCKET: manager.address };
    const [found] = await run(source(wait), { through: lowLimit, env });
    expect(found).toMatchObject({ meanwhile, after: { value: true } });
  });
});
