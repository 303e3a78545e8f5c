// ENFILE: the machine can open no more files. strace(1) makes calls of one process fail with ENFILE for
// a while; the machine itself has enough files.
import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { straceLacks } from '../activation/machine.ts';
import { startReceiver } from '../support/receiver.ts';
import { Injection } from './strace.ts';
import { failure, type Leaks, noLeaks, Program } from './support.ts';

/** The system calls that open a file. A copy of a descriptor opens none, so fcntl(2) does not fail. */
const openingCalls = [
  ...['socket', 'pipe2', 'openat', 'memfd_create', 'pidfd_open'],
  ...['accept4', 'eventfd2', 'epoll_create1', 'timerfd_create'],
].join(',');

type Row = readonly [what: string, call: string, meanwhile: unknown, after: unknown];

const listening = `
  const server = net.createServer();
  const [{ family }] = await listen(server, { name: 'b' });
  await once(server.close(), 'close');
  return family;`;

const failingCall = (syscall: string) => failure('ENFILE', { syscall });
const addon = failure('ENFILE', { syscall: 'dlopen', path: 'libsystemd.node' });

const whole = "return sd.implementation.library ?? 'built in';";

const stages: readonly {
  readonly what: string;
  readonly loaded: string;
  readonly rows: readonly Row[];
  /** The messages that arrive at the manager in the end. */
  readonly messages: readonly string[];
}[] = [
  {
    what: 'before anything is loaded',
    loaded: '',
    rows: [
      ['inspect()', 'return inspect(0).kind;', addon, 'socket'],
      ['listenFds()', 'return listenFds().length;', addon, 2],
      ['notify.ready()', 'return notify.ready();', { value: true }, true],
      ['notify.barrier()', 'return notify.barrier();', addon, true],
    ],
    messages: ['READY=1', 'READY=1', 'BARRIER=1'],
  },
  {
    what: 'before libsystemd is loaded',
    loaded: "inspect(0); try { sd.sd_is_fifo(''); } catch {}",
    rows: [
      // The built-in functions stand in until libsystemd can be loaded.
      ['implementation', whole, { value: 'built in' }, 'libsystemd.so.0'],
      ['sd_is_fifo()', 'return sd.sd_is_fifo(0);', { value: false }, false],
      ['watchdog.timeout()', 'return watchdog.timeout();', { value: 3000 }, 3000],
    ],
    messages: [],
  },
  {
    what: 'when all is loaded',
    loaded: 'listenFds();',
    rows: [
      ['acceptQueue()', 'return acceptQueue(4).limit;', failingCall('socket'), 7],
      ['listen()', listening, failingCall('socket'), 'unix'],
      ['inspect()', 'return inspect(4).listening;', { value: true }, true],
      ['notify.ready()', 'return notify.ready();', { value: true }, true],
      ['fdStore.add()', "return fdStore.add('x', 0);", { value: true }, true],
      [
        'fdStore.save()',
        "return fdStore.save('y', Uint8Array.of(1));",
        failingCall('memfd_create'),
        true,
      ],
      ['notify.barrier()', 'return notify.barrier();', failingCall('pipe2'), true],
    ],
    messages: [
      'READY=1',
      'FDSTORE=1\nFDNAME=x',
      'READY=1',
      'FDSTORE=1\nFDNAME=x',
      'FDSTOREREMOVE=1\nFDNAME=y',
      'FDSTORE=1\nFDNAME=y\nFDPOLL=0',
      'BARRIER=1',
    ],
  },
];

function program(loaded: string, rows: readonly Row[]): string {
  const calls = rows.map(([what, call]) => `[${JSON.stringify(what)}, async () => { ${call} }]`);
  return `
    ${loaded}
    const before = openFiles();
    say('ready');
    for (let round = 0; round < 2; round++) {
      waitForTest();
      const outcomes = {};
      for (const [what, call] of [${calls}]) outcomes[what] = await outcome(call);
      say(outcomes);
    }
    say({ leaks: await leaked(before), warnings });`;
}

beforeEach((ctx) => ctx.skip(straceLacks !== undefined, straceLacks));

test.each(stages)(
  'calls $what fail with ENFILE, or need no file, and work again afterwards',
  async ({ loaded, rows, messages }) => {
    await using manager = await startReceiver();
    await using service = new Program(program(loaded, rows), {
      specs: ['unix-unnamed', `unix:@${randomUUID()},backlog=7`],
      names: 'a:b',
      env: { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000' },
    });
    expect(await service.next()).toBe('ready');
    const injection = await Injection.begin(service.pid, openingCalls, 'ENFILE');
    service.resume();
    const meanwhile = await service.next();
    await injection.end();
    service.resume();
    expect(meanwhile).toEqual(Object.fromEntries(rows.map(([what, , outcome]) => [what, outcome])));
    expect(await service.next()).toEqual(
      Object.fromEntries(rows.map(([what, , , value]) => [what, { value }])),
    );
    expect(await service.next<{ leaks: Leaks }>()).toEqual({ leaks: noLeaks, warnings: [] });
    await service.ended();
    if (messages.length > 0) await manager.until('BARRIER=1');
    expect(manager.messages.map(({ message }) => message)).toEqual(messages);
  },
);
