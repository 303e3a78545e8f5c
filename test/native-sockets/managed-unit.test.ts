// A unit of lib/manager with real sockets and processes: what the API of libsystemd/testing can't ask for.
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nativeSockets } from '../../lib/addon/sockets.ts';
import { closeDescriptor } from '../../lib/descriptor/calls.ts';
import { parseAddress } from '../../lib/manager/addresses.ts';
import { describe as describeUnit, type UnitSettings } from '../../lib/manager/defaults.ts';
import { openListener, removeListener } from '../../lib/manager/listeners.ts';
import { ManagedUnit } from '../../lib/manager/managed-unit.ts';
import type { ServiceObserver } from '../../lib/manager/service-observer.ts';
import type { SocketDescription } from '../../lib/manager/socket-description.ts';
import { SocketFolder } from '../../lib/manager/socket-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** How long a busy machine may take. */
const PATIENT = { timeout: 20_000 };

const observer = { message() {}, wrote() {}, mainEnded() {}, changed() {} };

/** The next error that nobody catches. Vitest does not see it. */
async function nextUncaught(): Promise<unknown> {
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const [error] = await once(process, 'uncaughtException');
  for (const listener of listeners) process.on('uncaughtException', listener);
  return error;
}

/** True if there is a message queue of this name. */
function existsQueue(name: string): boolean {
  const fd = nativeSockets().mq_open(name.slice(1), 0, 0, 0, 0);
  if (fd >= 0) closeDescriptor(fd);
  return fd >= 0;
}

/** A unit of a shell script, which is closed at the end of the test. */
function unitOf(
  script: string,
  settings: Partial<UnitSettings> = {},
  sockets: (folder: string) => readonly SocketDescription[] = () => [],
  watched: Partial<ServiceObserver> = {},
): ManagedUnit {
  const start = { argv: ['/bin/sh', '-c', script] };
  const unit = new ManagedUnit(
    (path) => describeUnit({ start, sockets: sockets(path), ...settings }),
    { ...observer, ...watched },
  );
  onTestFinished(() => unit.close());
  return unit;
}

describe('sockets', () => {
  test("have files of their own beside the unit's, whatever their names are", () => {
    const names = ['notify', 'groups', 'invocations', 'a', 'a', 'a-2'];
    const unit = unitOf('sleep 60', {}, (path) => {
      const files = new SocketFolder(path);
      return names.map((name) => ({ name, ...parseAddress('unix', files.place(name)) }));
    });
    unit.open();
    const { rules } = unit.service;
    rules.start();
    expect(rules.state).toBe('active');
    const paths = [
      join(unit.folder.path, 'notify'),
      ...unit.sockets.map(({ description }) => description.address),
    ];
    expect(new Set(paths).size).toBe(names.length + 1);
    expect(paths.every((path) => lstatSync(path).isSocket())).toBe(true);
    unit.close();
    expect(existsSync(unit.folder.path)).toBe(false);
  });

  test('replace the file of a server that has ended, and refuse one whose server lives', () => {
    const socket = { name: 'web', kind: 'stream', address: join(folder, 'chosen') } as const;
    const server = openListener(socket);
    const unit = unitOf('true', {}, () => [socket]);
    expect(() => unit.open()).toThrow(
      expect.objectContaining({
        code: 'EADDRINUSE',
        message: expect.stringContaining(`the stream 'web' at ${socket.address}: another process`),
      }),
    );
    closeDescriptor(server);
    unit.open();
    expect(unit.sockets).toHaveLength(1);
  });
});

describe('the files of sockets', () => {
  const made = (kind: SocketDescription['kind'], name: string): SocketDescription => ({
    ...{ name, kind, address: join(folder, name) },
  });

  test('are removed at the end, but for what was there before, or is of another server by now', () => {
    const old = made('fifo', 'old-fifo');
    closeDescriptor(openListener(old));
    const sockets = [
      ...[old, made('fifo', 'fifo'), made('datagram', 'datagram'), made('seqpacket', 'seqpacket')],
      ...[made('stream', 'stream'), made('stream', 'replaced')],
    ];
    const unit = unitOf('true', {}, () => sockets);
    unit.open();
    rmSync(join(folder, 'replaced'));
    const other = openListener(made('stream', 'replaced'));
    unit.close();
    closeDescriptor(other);
    const left = sockets.filter(({ address }) => existsSync(address)).map(({ name }) => name);
    expect(left).toEqual(['old-fifo', 'replaced']);
  });

  test('are removed when a later socket can’t be opened', () => {
    const [first, second] = [made('stream', 'first'), made('special', 'no-such-file')];
    expect(() => unitOf('true', {}, () => [first, second]).open()).toThrow('ENOENT');
    expect(existsSync(first.address)).toBe(false);
  });
});

test('a unit that was restarted 120 times remembers no more than the last hundred starts', async () => {
  const settings = {
    restart: 'always',
    restartDelay: 0,
    startLimit: { burst: 0, interval: 0 },
  } as const;
  const unit = unitOf('exit 0', settings);
  unit.open();
  const { service, members } = unit;
  service.rules.start();
  await expect.poll(() => service.rules.restarts, { timeout: 60_000 }).toBeGreaterThan(120);
  expect(service.processes.length).toBeLessThanOrEqual(100);
  expect(members.invocations.length).toBeLessThanOrEqual(101);
}, 90_000);

describe('a main process', () => {
  test.each([
    ['the process that has started the unit', () => process.pid],
    ['a process of somebody else', () => process.ppid],
  ])('is not replaced by MAINPID= of %s, also when root sends it', async (_who, pidOf) => {
    const unit = unitOf('sleep 60', { type: 'simple', notifyAccess: 'all' });
    unit.open();
    const { rules } = unit.service;
    rules.start();
    const { mainPid } = rules;
    const facts = { pid: mainPid as number, uid: 0, gid: 0, fds: [], at: 0n };
    const { assignments } = rules.message({ bytes: Buffer.from(`MAINPID=${pidOf()}`), ...facts });
    expect(assignments).toMatchObject([
      { outcome: 'ignored', why: expect.stringContaining('is not of this unit') },
    ]);
    expect(rules.mainPid).toBe(mainPid);
  });

  test('that has ended gets no signal any more, because its pid may be taken again', async () => {
    const unit = unitOf('exit 0');
    unit.open();
    const { service } = unit;
    service.pause(); // so that the rules do not hear of the end yet
    service.rules.start();
    const [started] = service.processes;
    await expect.poll(() => started?.endedAt, PATIENT).toBeDefined();
    expect(service.rules.mainPid).toBe(started?.pid);
    // false would mean that kill(2) was called, and has found nobody.
    expect(service.kill(started?.pid as number, 'SIGTERM')).toBe(true);
  });
});

describe('the guard', () => {
  const groupsOf = (unit: ManagedUnit) =>
    readFileSync(join(unit.folder.path, 'groups'), 'utf8').split('\n').slice(0, -1).map(Number);

  test('forgets a process group once nobody is left in it, also when a child was the last one', async () => {
    const unit = unitOf('sleep 60 & exit 0', { type: 'oneshot', killMode: 'none' });
    unit.open();
    const { service, members } = unit;
    service.rules.start();
    const leader = service.rules.mainPid as number;
    await expect.poll(() => service.rules.state, PATIENT).toBe('inactive');
    expect(groupsOf(unit)).toEqual([leader]);
    for (const { pid } of members.all()) process.kill(pid, 'SIGKILL');
    // Until whoever adopts orphans has waited for it.
    await expect.poll(() => members.all().length + members.leaders.length, PATIENT).toBe(0);
    expect(groupsOf(unit)).toEqual([]);
  });

  test('is told of processes although somebody has emptied the folder', async () => {
    const unit = unitOf('sleep 60');
    unit.open();
    rmSync(unit.folder.path, { recursive: true });
    unit.service.rules.start();
    expect(groupsOf(unit)).toEqual([unit.service.rules.mainPid]);
  });
});

test('an error of the observer is thrown where it is seen, and the rules hear of the event all the same', async () => {
  let count = 0;
  const mainEnded = () => {
    if (++count === 1) throw new Error('of the observer');
  };
  const unit = unitOf('exit 0', { type: 'oneshot', startTimeout: 60_000 }, () => [], { mainEnded });
  unit.open();
  const { service } = unit;
  const uncaught = nextUncaught();
  service.rules.start();
  expect(await uncaught).toMatchObject({ message: 'of the observer' });
  await service.drain();
  await expect.poll(() => service.rules.state, PATIENT).toBe('inactive');
  service.rules.start();
  await expect.poll(() => service.rules.state, PATIENT).toBe('inactive');
});

test('the observer may be an object of a class, whose methods are those of its prototype', async () => {
  class Observer implements ServiceObserver {
    readonly seen: string[] = [];
    message() {
      this.seen.push('message');
    }
    wrote(text: string) {
      this.seen.push(text);
    }
    mainEnded(state: string) {
      this.seen.push(state);
    }
    changed() {}
  }
  const watched = new Observer();
  const unit = new ManagedUnit(
    () => describeUnit({ start: { argv: ['/bin/sh', '-c', 'echo hello'] } }),
    watched,
  );
  onTestFinished(() => unit.close());
  unit.open();
  unit.service.rules.start();
  await expect.poll(() => watched.seen.toSorted(), PATIENT).toEqual(['hello\n', 'running']);
});

test('what is stored and hangs up while the unit is closed is dropped then, too', async () => {
  const unit = unitOf('sleep 60', { type: 'simple', fdStoreMax: 2, fdStorePreserve: 'yes' });
  unit.open();
  const { rules } = unit.service;
  rules.start();
  const fifo = join(folder, 'hangs-up');
  nativeSockets().mkfifo(fifo, 0o600);
  const readable = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writable = openSync(fifo, 'w');
  const facts = { pid: rules.mainPid as number, uid: 0, gid: 0, at: 0n };
  const zero = openSync('/dev/zero', 'r');
  rules.message({ bytes: Buffer.from('FDSTORE=1\nFDNAME=pipe'), ...facts, fds: [readable] });
  rules.message({ bytes: Buffer.from('FDSTORE=1\nFDNAME=zero'), ...facts, fds: [zero] });
  unit.close();
  expect(rules.stored.map(({ name }) => name)).toEqual(['zero', 'pipe']);
  closeSync(writable);
  await expect.poll(() => rules.stored.map(({ name }) => name), PATIENT).toEqual(['zero']);
  rules.releaseStore();
  expect(rules.subState).toBe('dead');
});

describe('a unit that its client starts', () => {
  const lazyUnit = (script: string, settings: Partial<UnitSettings> = {}) =>
    unitOf(script, { lazy: true, ...settings }, (path) => [
      { name: 'web', kind: 'stream', address: join(path, 'web') },
    ]);

  test('is started again by its next client, also when it has failed', async () => {
    // It takes its client, and fails.
    const unit = lazyUnit(`exec ${process.execPath} -e '
      const server = net.createServer((socket) => socket.end("hello", () => process.exit(3)));
      server.listen({ fd: 3 });'`);
    unit.open();
    unit.listen();
    for (let i = 0; i < 2; i++) {
      expect(await text(connect(unit.sockets[0]?.description.address as string))).toBe('hello');
      await expect.poll(() => unit.service.rules.state, PATIENT).toBe('failed');
    }
    expect(unit.isListening).toBe(true);
  });

  test('is given up once it has failed too often', async () => {
    const unit = lazyUnit('exit 3');
    unit.open();
    unit.listen();
    const client = connect(unit.sockets[0]?.description.address as string);
    const closed = once(client, 'error');
    await expect.poll(() => unit.socketResult, PATIENT).toBe('service-start-limit-hit');
    expect(unit.service.processes).toHaveLength(5);
    expect([unit.isListening, unit.sockets]).toEqual([false, []]);
    expect(await closed).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  test('counts a client once, however often it was told to listen', async () => {
    const unit = lazyUnit('exec sleep 60', { triggerLimit: { burst: 1, interval: 60_000 } });
    unit.open();
    unit.listen();
    unit.listen();
    const client = connect(unit.sockets[0]?.description.address as string);
    await expect.poll(() => unit.service.rules.state, PATIENT).toBe('active');
    expect([unit.socketResult, unit.log]).toEqual(['success', []]);
    client.destroy();
  });

  test('is given up where its socket is a file that nobody can wait for', () => {
    const unit = unitOf('sleep 60', { lazy: true }, () => [
      { name: 'file', kind: 'special', address: import.meta.filename },
    ]);
    unit.open();
    unit.listen();
    expect([unit.socketResult, unit.isListening]).toEqual(['resources', false]);
    expect(unit.log[0]).toMatch(/Failed to watch listening fds: .*EPERM/);
  });
});

test('a connection whose service has no room for its files is closed once, and no more are taken', async () => {
  const unit = unitOf('sleep 60', { accept: true }, (path) => [
    { name: 'chat', kind: 'stream', address: join(path, 'chat') },
  ]);
  unit.open();
  unit.listen();
  // The folder of the next service, in which something else has the place of its notification socket.
  const next = join(unit.folder.path, '..', String(Number(basename(unit.folder.path)) + 1));
  mkdirSync(join(next, 'notify'), { recursive: true });
  const client = connect(unit.sockets[0]?.description.address as string);
  expect(await text(client)).toBe('');
  expect([unit.socketResult, unit.isListening]).toEqual(['resources', false]);
  expect(unit.log[0]).toMatch(/Failed to take a connection: .*EADDRINUSE/);
  // Another file has the number of the connection by now.
  const taken = Array.from({ length: 4 }, () => openSync('/dev/zero', 'r'));
  expect(() => unit.close()).not.toThrow();
  for (const fd of taken) closeSync(fd);
  expect(existsSync(unit.folder.path)).toBe(false);
});

describe('FIFOs and queues', () => {
  const queue = `/libsystemd-test-${process.pid}`;
  const fifo = join(folder, 'fifo');
  const sockets = (removeOnStop = false): SocketDescription[] => [
    { name: 'jobs', kind: 'queue', address: queue, removeOnStop },
    { name: 'fifo', kind: 'fifo', address: fifo, removeOnStop },
  ];
  const there = () => [existsQueue(queue), existsSync(fifo)];

  test.each<[removed: boolean, who: string, wasThere: boolean, removeOnStop: boolean]>([
    [true, 'the unit has made them', false, false],
    [false, 'somebody else has made them', true, false],
    [true, 'RemoveOnStop=yes, whoever has made them', true, true],
  ])('are removed at the end (%s): %s', (removed, _who, wasThere, removeOnStop) => {
    onTestFinished(() => sockets().forEach(removeListener));
    if (wasThere) sockets().map(openListener).forEach(closeDescriptor);
    const unit = unitOf('sleep 60', {}, () => sockets(removeOnStop));
    unit.open();
    expect(there()).toEqual([true, true]);
    unit.close();
    expect(there()).toEqual([!removed, !removed]);
  });
});

test('a unit that is closed by force is inactive, has no main process, and stores nothing', () => {
  const unit = unitOf('sleep 60', { type: 'simple', fdStoreMax: 1 });
  unit.open();
  const { rules } = unit.service;
  rules.start();
  const fd = openSync('/dev/zero', 'r');
  const facts = { pid: rules.mainPid as number, uid: 0, gid: 0, at: 0n };
  rules.message({ bytes: Buffer.from('FDSTORE=1'), ...facts, fds: [fd] });
  expect([rules.state, rules.stored.length]).toEqual(['active', 1]);
  unit.close();
  expect([rules.subState, rules.mainPid, rules.stored]).toEqual(['dead', undefined, []]);
});
