// A NOTIFY_SOCKET that goes away, is replaced by something else, or becomes inaccessible while the
// service runs, and then is back.
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
  /** Makes the fault happen to the socket at this path. */
  readonly happens: (path: string) => Promise<Undo>;
  /** True when the user nobody runs the service, because the fault does not stop root. */
  readonly nobody?: true;
}

/** Moves the socket away, and calls `instead` to make something else at its path. */
async function replace(path: string, instead: () => Promise<unknown>): Promise<Undo> {
  await rename(path, `${path}.aside`);
  await instead();
  return () => rename(`${path}.aside`, path);
}

/** Makes a stream socket at this path. Without `listens` no process has it open any more. */
async function bindStream(path: string, listens: boolean): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  if (listens) return void server.unref();
  await rename(path, `${path}.kept`); // because Node removes the socket file of a server that it closes
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
    what: 'has gone because its folder is a file now',
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
    what: 'is open in no process any more',
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
    what: 'may be written to by its owner alone',
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

/** Calls that notify the manager, and the messages that each one sends. */
const calls: Readonly<Record<string, readonly [call: string, messages: readonly string[]]>> = {
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

/** More calls that notify, each only at its first call. */
const takingCalls: typeof calls = {
  take: ["fdStore.take('pipe').length === 1", ['FDSTOREREMOVE=1\nFDNAME=pipe']],
  load: ["fdStore.load('state').length > 0", ['FDSTOREREMOVE=1\nFDNAME=state']],
};
const allCalls = { ...calls, ...takingCalls };

function outcomesOf(selected: typeof calls): string {
  const entries = Object.entries(selected).map(
    ([name, [call]]) => `${name}: await outcome(() => ${call})`,
  );
  return `{ ${entries.join(', ')} }`;
}

function messagesOf(selected: typeof calls): string[] {
  return Object.values(selected).flatMap(([, messages]) => messages);
}

function eachIs(selected: typeof calls, outcome: (name: string) => unknown): unknown {
  return Object.fromEntries(Object.keys(selected).map((name) => [name, outcome(name)]));
}

const succeeds = () => ({ value: true });

/**
 * Every call fails with this code. Errors of `libsystemd` name the path too, and those of
 * `libsystemd/sd` do not.
 */
function failsBy(code: string, path: string): (name: string) => unknown {
  return (name) => failure(code, name.startsWith('sd_') ? { syscall: name } : { path });
}

/** Starts a manager to whose socket every user may write. */
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

function messagesAt(manager: Receiver): string[] {
  return manager.messages
    .map(({ message }) => message)
    .filter((message) => message !== 'FILL=1' && message !== 'X_END=1');
}

describe.concurrent.each(faults)('a NOTIFY_SOCKET that $what', ({ code, happens, nobody }) => {
  test(`makes every call fail with ${code}, and the same calls work once it is back`, async (ctx) => {
    ctx.skip(nobody === true && nobodyLacks !== undefined, nobodyLacks);
    await using manager = await startManager();
    await using program = start(
      `
        say(${outcomesOf(calls)});
        const before = openFiles();
        waitForTest();
        say(${outcomesOf(allCalls)});
        waitForTest();
        say(${outcomesOf(allCalls)});
        say({ leaks: await leaked(before), warnings });`,
      manager,
      nobody,
    );
    expect(await program.next()).toEqual(eachIs(calls, succeeds));
    const undo = await happens(manager.address);
    program.resume();
    const meanwhile = await program.next();
    await undo();
    expect(meanwhile).toEqual(eachIs(allCalls, failsBy(code, manager.address)));
    program.resume();
    expect(await program.next()).toEqual(eachIs(allCalls, succeeds));
    // load() has closed the descriptor of the bytes.
    expect(await program.next()).toEqual({ leaks: { ...noLeaks, gone: 1 }, warnings: [] });
    await program.ended();
    await manager.until('FDSTOREREMOVE=1\nFDNAME=state');
    expect(messagesAt(manager)).toEqual([...messagesOf(calls), ...messagesOf(allCalls)]);
  });

  test(`loses waiting messages with one warning of ${code}, and leaves no copy of a descriptor open`, async (ctx) => {
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
        waitForTest();
        say(await barrier);
        say({ leaks: await leaked(before), warnings });
        waitForTest();
        say({ sent: notify.send('X_END=1'), passed: await notify.barrier() });`,
      manager,
      nobody,
    );
    expect(await program.next()).toBe('waiting');
    const undo = await happens(manager.address);
    program.resume();
    const barrier = await program.next<Outcome>();
    const rest = await program.next();
    await undo();
    expect(barrier).toEqual(failure(code));
    const message = `3 waiting notifications could not be sent. The first error: ${code}: `;
    const warning = { code, message: expect.stringContaining(message) };
    expect(rest).toEqual({ leaks: noLeaks, warnings: [warning] });
    await manager.go();
    program.resume();
    expect(await program.next()).toEqual({ sent: true, passed: true });
    expect(messagesAt(manager)).toEqual(['BARRIER=1']);
  });
});

test('a NOTIFY_SOCKET of another user works when every user may write to it', async (ctx) => {
  ctx.skip(nobodyLacks !== undefined, nobodyLacks);
  await using manager = await startManager();
  await using program = start(`say(${outcomesOf(calls)});`, manager, true);
  expect(await program.next()).toEqual(eachIs(calls, succeeds));
  expect(messagesAt(manager)).toEqual(messagesOf(calls));
  expect(new Set(manager.messages.map(({ uid }) => uid))).toEqual(new Set([65_534]));
});

test('an abstract NOTIFY_SOCKET that has gone leads to ECONNREFUSED, and works once it is back', async () => {
  const manager = await startReceiver({ abstract: true });
  await using program = start(
    `
      say(${outcomesOf(calls)});
      const before = openFiles();
      for (const _ of [0, 1]) {
        waitForTest();
        say(${outcomesOf(calls)});
      }
      say({ leaks: await leaked(before), warnings });`,
    manager,
  );
  expect(await program.next()).toEqual(eachIs(calls, succeeds));
  await manager.close();
  program.resume();
  expect(await program.next()).toEqual(eachIs(calls, failsBy('ECONNREFUSED', manager.address)));
  await using successor = await Receiver.start(manager.address);
  program.resume();
  expect(await program.next()).toEqual(eachIs(calls, succeeds));
  expect(await program.next()).toEqual({ leaks: noLeaks, warnings: [] });
  expect(messagesAt(successor)).toEqual(messagesOf(calls));
});
