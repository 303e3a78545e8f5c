// A NOTIFY_SOCKET that goes away, is something else, or is not for this user, while the service runs;
// and then is there again.
import { once } from 'node:events';
import { chmod, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nobodyLacks } from '../activation/machine.ts';
import { queueLength } from '../notification/support.ts';
import { Receiver, startReceiver } from '../support/receiver.ts';
import { asNobody, failure, noLeaks, type Outcome, Program } from './support.ts';

type Undo = () => Promise<unknown>;

interface Fault {
  readonly what: string;
  readonly code: string;
  /** Does it to the socket at this path. */
  readonly happens: (path: string) => Promise<Undo>;
  /** Whether the service is nobody's, and the socket root's. */
  readonly nobody?: true;
}

/** Puts the socket aside, for `instead`. */
async function replace(path: string, instead: () => Promise<unknown>): Promise<Undo> {
  await rename(path, `${path}.aside`);
  await instead();
  return () => rename(`${path}.aside`, path);
}

/** A stream socket at this path; one that nobody has open any more, if it is not to listen. */
async function bindStream(path: string, listens: boolean): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  if (listens) return void server.unref();
  await rename(path, `${path}.kept`); // Node removes what it made
  await once(server.close(), 'close');
  await rename(`${path}.kept`, path);
}

async function changeMode(path: string, mode: number, back: number): Promise<Undo> {
  await chmod(path, mode);
  return () => chmod(path, back);
}

const faults: readonly Fault[] = [
  {
    what: 'has gone',
    code: 'ENOENT',
    happens: (path) => replace(path, async () => undefined),
  },
  {
    what: 'has gone with its folder',
    code: 'ENOENT',
    happens: (path) => replace(dirname(path), async () => undefined),
  },
  {
    what: 'has gone with its folder, which is a file now,',
    code: 'ENOTDIR',
    happens: async (path) => {
      const undo = await replace(dirname(path), () => writeFile(dirname(path), ''));
      return async () => {
        await rm(dirname(path));
        await undo();
      };
    },
  },
  {
    what: 'is read by nobody any more',
    code: 'ECONNREFUSED',
    happens: (path) => replace(path, () => bindStream(path, false)),
  },
  {
    what: 'is a file now',
    code: 'ECONNREFUSED',
    happens: (path) => replace(path, () => writeFile(path, '')),
  },
  {
    what: 'is a stream socket now',
    code: 'EPROTOTYPE',
    happens: (path) => replace(path, () => bindStream(path, true)),
  },
  {
    what: 'is a link to itself now',
    code: 'ELOOP',
    happens: (path) => replace(path, () => symlink(path, path)),
  },
  {
    what: 'is for its owner alone',
    code: 'EACCES',
    nobody: true,
    happens: (path) => changeMode(path, 0o600, 0o666),
  },
  {
    what: 'is in a folder that may not be entered',
    code: 'EACCES',
    nobody: true,
    happens: (path) => changeMode(dirname(path), 0o744, 0o755),
  },
];

/** What tells the manager something, and what it is told by that. */
const calls: Readonly<Record<string, readonly [call: string, told: readonly string[]]>> = {
  send: ["notify.send('X_FDS=1', { fds: [0] })", ['X_FDS=1']],
  ready: ['notify.ready()', ['READY=1']],
  status: ["notify.status('up')", ['STATUS=up']],
  barrier: ['notify.barrier()', ['BARRIER=1']],
  ping: ['watchdog.ping()', ['WATCHDOG=1']],
  add: ["fdStore.add('x', 0)", ['FDSTORE=1\nFDNAME=x']],
  remove: ["fdStore.remove('x')", ['FDSTOREREMOVE=1\nFDNAME=x']],
  save: [
    "fdStore.save('y', Uint8Array.of(1))",
    ['FDSTOREREMOVE=1\nFDNAME=y', 'FDSTORE=1\nFDNAME=y\nFDPOLL=0'],
  ],
  sd_notify: ["sd.sd_notify(false, 'X=1')", ['X=1']],
  sd_notify_barrier: ['sd.sd_notify_barrier(false, 5_000_000)', ['BARRIER=1']],
};

/** What does so once. */
const takes: typeof calls = {
  take: ["fdStore.take('pipe').length === 1", ['FDSTOREREMOVE=1\nFDNAME=pipe']],
  load: ["fdStore.load('state').length > 0", ['FDSTOREREMOVE=1\nFDNAME=state']],
};
const all = { ...calls, ...takes };

function outcomesOf(of: typeof calls): string {
  const entries = Object.entries(of).map(
    ([name, [call]]) => `${name}: await outcome(() => ${call})`,
  );
  return `{ ${entries.join(', ')} }`;
}

function toldBy(of: typeof calls): string[] {
  return Object.values(of).flatMap(([, told]) => told);
}

function eachIs(of: typeof calls, outcome: (name: string) => unknown): unknown {
  return Object.fromEntries(Object.keys(of).map((name) => [name, outcome(name)]));
}

const succeeds = () => ({ value: true });

/** All fails, and says why: what has `libsystemd`'s manners says where, too. */
function failsBy(code: string, path: string): (name: string) => unknown {
  return (name) => failure(code, name.startsWith('sd_') ? { syscall: name } : { path });
}

/** A manager whose socket is anybody's. */
async function startManager(): Promise<Receiver> {
  const manager = await startReceiver();
  await chmod(dirname(manager.address), 0o755);
  await chmod(manager.address, 0o666);
  return manager;
}

const specs = ['pipe', 'sealed:kept'];
const names = 'pipe:state';

function start(source: string, { address }: Receiver, nobody = false): Program {
  const env = { NOTIFY_SOCKET: address };
  return new Program(source, { specs, names, env, ...(nobody && { through: asNobody }) });
}

function messages(manager: Receiver): string[] {
  return manager.messages
    .map(({ message }) => message)
    .filter((message) => message !== 'FILL=1' && message !== 'X_END=1');
}

describe.concurrent.each(faults)('a NOTIFY_SOCKET that $what', ({ code, happens, nobody }) => {
  test(`is ${code} to all that tell something, and then they do`, async (ctx) => {
    ctx.skip(nobody === true && nobodyLacks !== undefined, nobodyLacks);
    await using manager = await startManager();
    await using program = start(
      `
        say(${outcomesOf(calls)});
        const before = openFiles();
        told();
        say(${outcomesOf(all)});
        told();
        say(${outcomesOf(all)});
        say({ leaks: await leaked(before), warnings });`,
      manager,
      nobody,
    );
    expect(await program.next()).toEqual(eachIs(calls, succeeds));
    const undo = await happens(manager.address);
    program.tell();
    const meanwhile = await program.next();
    await undo();
    expect(meanwhile).toEqual(eachIs(all, failsBy(code, manager.address)));
    program.tell();
    expect(await program.next()).toEqual(eachIs(all, succeeds));
    // What load() gave is closed.
    expect(await program.next()).toEqual({ leaks: { ...noLeaks, gone: 1 }, warnings: [] });
    await program.ended();
    await manager.until('FDSTOREREMOVE=1\nFDNAME=state');
    expect(messages(manager)).toEqual([...toldBy(calls), ...toldBy(all)]);
  });

  test(`is ${code} to what waits, in one warning, and keeps nothing open`, async (ctx) => {
    ctx.skip(nobody === true && nobodyLacks !== undefined, nobodyLacks);
    await using manager = await startManager();
    await manager.stop();
    await using program = start(
      `
        for (let i = 0; i < ${queueLength()}; i++) notify.send('FILL=1');
        const before = openFiles();
        for (let i = 0; i < 3; i++) notify.send('X_LOST=1', { fds: [0, 1] });
        const barrier = outcome(() => notify.barrier());
        say('waiting');
        told();
        say(await barrier);
        say({ leaks: await leaked(before), warnings });
        told();
        say({ sent: notify.send('X_END=1'), passed: await notify.barrier() });`,
      manager,
      nobody,
    );
    expect(await program.next()).toBe('waiting');
    const undo = await happens(manager.address);
    program.tell();
    const barrier = await program.next<Outcome>();
    const rest = await program.next();
    await undo();
    expect(barrier).toEqual(failure(code));
    const message = `3 waiting notifications could not be sent. The first error: ${code}: `;
    const warning = { code, message: expect.stringContaining(message) };
    expect(rest).toEqual({ leaks: noLeaks, warnings: [warning] });
    await manager.go();
    program.tell();
    expect(await program.next()).toEqual({ sent: true, passed: true });
    expect(messages(manager)).toEqual(['BARRIER=1']);
  });
});

test('a NOTIFY_SOCKET of another user that anybody may write to is one as any', async (ctx) => {
  ctx.skip(nobodyLacks !== undefined, nobodyLacks);
  await using manager = await startManager();
  await using program = start(`say(${outcomesOf(calls)});`, manager, true);
  expect(await program.next()).toEqual(eachIs(calls, succeeds));
  expect(messages(manager)).toEqual(toldBy(calls));
  expect(new Set(manager.messages.map(({ uid }) => uid))).toEqual(new Set([65_534]));
});

test('an abstract NOTIFY_SOCKET that has gone is ECONNREFUSED, and works when it is back', async () => {
  const manager = await startReceiver({ abstract: true });
  await using program = start(
    `
      say(${outcomesOf(calls)});
      const before = openFiles();
      for (const _ of [0, 1]) {
        told();
        say(${outcomesOf(calls)});
      }
      say({ leaks: await leaked(before), warnings });`,
    manager,
  );
  expect(await program.next()).toEqual(eachIs(calls, succeeds));
  await manager.close();
  program.tell();
  expect(await program.next()).toEqual(eachIs(calls, failsBy('ECONNREFUSED', manager.address)));
  await using successor = await Receiver.start(manager.address);
  program.tell();
  expect(await program.next()).toEqual(eachIs(calls, succeeds));
  expect(await program.next()).toEqual({ leaks: noLeaks, warnings: [] });
  expect(messages(successor)).toEqual(toldBy(calls));
});
