// A libsystemd that can't be loaded, or lacks a function: the built-in functions stand in.
// test/native/without-libsystemd.test.ts has the answer of each function on a host without libsystemd.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nobodyLacks, straceLacks } from '../activation/machine.ts';
import { startReceiver } from '../support/receiver.ts';
import { compile, root } from '../support/tools.ts';
import { Injection } from './strace.ts';
import { asNobody, noLeaks, type Outcome, Program, run } from './support.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  await chmod(folder, 0o755);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The paths of the installed libsystemd. There are two, because /lib may be a link to /usr/lib. */
function installedPaths(): string[] {
  const known = execFileSync('ldconfig', ['-p'], { encoding: 'utf8' });
  const [, path = ''] = /libsystemd\.so\.0 .*=> (.*)/.exec(known) ?? [];
  const inLib = path.replace(/^\/usr/, '');
  return [inLib, `/usr${inLib}`];
}

/** Makes a folder of this name that the loader searches before all others. */
async function folderBefore(name: string): Promise<{ LD_LIBRARY_PATH: string; library: string }> {
  const LD_LIBRARY_PATH = join(folder, name.replace(/\W+/g, '-'));
  await mkdir(LD_LIBRARY_PATH);
  return { LD_LIBRARY_PATH, library: join(LD_LIBRARY_PATH, 'libsystemd.so.0') };
}

/** Writes a copy of libsystemd with another byte in its ELF header. */
async function writeWithByte(path: string, at: number, byte: number): Promise<void> {
  const bytes = await readFile(installedPaths()[0] as string);
  bytes[at] = byte;
  await writeFile(path, bytes);
}

// From elf.h, and elf(5).
const EI_CLASS = 4;
const ELFCLASS32 = 1;
const E_MACHINE = 18;
const EM_S390 = 22;

/** The functions that are newer than version 209, in the order of native/functions.h. */
const builtin = [
  ...['sd_listen_fds_with_names', 'sd_is_socket_sockaddr', 'sd_pid_notify'],
  ...['sd_pid_notify_with_fds', 'sd_notify_barrier', 'sd_pid_notify_barrier'],
  'sd_pidfd_get_inode_id',
];

/** Calls that need libsystemd, and calls that do not; and the messages that each call sends. */
const calls: Readonly<Record<string, readonly [call: string, ...messages: string[]]>> = {
  ready: ['notify.ready()', 'READY=1'],
  add: ["fdStore.add('x', 0)", 'FDSTORE=1\nFDNAME=x'],
  save: [
    "fdStore.save('y', Uint8Array.of(1))",
    'FDSTOREREMOVE=1\nFDNAME=y',
    'FDSTORE=1\nFDNAME=y\nFDPOLL=0',
  ],
  barrier: ['notify.barrier()', 'BARRIER=1'],
  timeout: ['watchdog.timeout() === 3000'],
  listenFds: ['listenFds().length === 2'],
  load: ["(fdStore.load('state')?.length ?? 1) > 0", 'FDSTOREREMOVE=1\nFDNAME=state'],
  sd_is_fifo: ['sd.sd_is_fifo(3)'],
  library: ["sd.implementation.library === (usable ? 'libsystemd.so.0' : undefined)"],
};
const messagesOf = (names: readonly string[]) =>
  names.flatMap((name) => calls[name]?.slice(1) ?? []);

const allCalls = (outcome: unknown) =>
  Object.fromEntries(Object.keys(calls).map((name) => [name, outcome]));

/** A program that does every call `times` times, and waits for the test before each time. */
function program(times: number, usable: boolean): string {
  const entries = Object.entries(calls).map(
    ([name, [call]]) => `${name}: await outcome(() => ${call})`,
  );
  return `
    const usable = ${usable};
    inspect(0);
    const before = openFiles();
    say('ready');
    for (let i = 0; i < ${times}; i++) {
      waitForTest();
      say({ ${entries.join(', ')} });
    }
    say({ leaks: await leaked(before), warnings });`;
}

const specs = ['pipe', 'sealed:kept'];
const names = 'pipe:state';

const works = allCalls({ value: true });
describe.concurrent('the loader skips a libsystemd', () => {
  test.each<[what: string, make: (library: string) => Promise<unknown>]>([
    ['for another processor', (library) => writeWithByte(library, E_MACHINE, EM_S390)],
    ['of 32 bits', (library) => writeWithByte(library, EI_CLASS, ELFCLASS32)],
    ['that it may not read', (library) => writeFile(library, '', { mode: 0 })],
  ])('%s, and finds the next one', async (what, make) => {
    await using manager = await startReceiver({ abstract: true });
    const { LD_LIBRARY_PATH, library } = await folderBefore(what);
    await make(library);
    const env = { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000', LD_LIBRARY_PATH };
    const through = nobodyLacks === undefined ? asNobody : [];
    await using service = new Program(program(1, true), { specs, names, env, through });
    expect(await service.next()).toBe('ready');
    service.resume();
    expect(await service.next()).toEqual(works);
  });
});

/** How libsystemd becomes unusable: before the program starts, or while it runs. */
interface Fault {
  readonly what: string;
  readonly lacks?: string | undefined;
  readonly before?: (library: string) => Promise<unknown>;
  readonly while?: (pid: number | undefined) => Promise<Injection>;
}

const failingOpen = (error: string) => ({
  what: `cannot be opened: ${error}`,
  lacks: straceLacks,
  while: (pid: number | undefined) => Injection.begin(pid, 'openat', error, installedPaths()),
});

const faults: readonly Fault[] = [
  { what: 'is an empty file', before: (library) => writeFile(library, '') },
  { what: 'is a text', before: (library) => writeFile(library, 'No library.\n'.repeat(100)) },
  { what: 'is a folder', before: (library) => mkdir(library) },
  ...['ENOENT', 'EACCES', 'EIO'].map(failingOpen),
];

describe.concurrent.each(faults)('a libsystemd that $what', ({ what, lacks, ...fault }) => {
  test('is not used, also when it becomes usable: the built-in functions stand in', async (ctx) => {
    ctx.skip(lacks !== undefined, lacks);
    await using manager = await startReceiver();
    const { LD_LIBRARY_PATH, library } = await folderBefore(what);
    await fault.before?.(library);
    const env = { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000', LD_LIBRARY_PATH };
    await using service = new Program(program(2, false), { specs, names, env });
    expect(await service.next()).toBe('ready');
    const injection = await fault.while?.(service.pid);
    service.resume();
    expect(await service.next()).toEqual(works);
    await rm(library, { recursive: true, force: true });
    await injection?.end();
    service.resume();
    expect(await service.next()).toEqual(works);
    // load() has closed the descriptor of the bytes.
    expect(await service.next()).toEqual({ leaks: { ...noLeaks, gone: 1 }, warnings: [] });
    await manager.until('FDSTOREREMOVE=1\nFDNAME=state');
    const once = messagesOf(Object.keys(calls));
    const again = messagesOf(Object.keys(calls).filter((name) => name !== 'load'));
    expect(manager.messages.map(({ message }) => message)).toEqual([...once, ...again]);
  });
});

describe('a libsystemd that is older than a function', () => {
  const address = '{ family: "inet", address: "127.0.0.1" }';
  /** The functions that the library has answer as of-version-209.c, the others as the newest libsystemd. */
  const rows: readonly (readonly [call: string, value: unknown])[] = [
    ['sd.sd_listen_fds()', 0],
    ['sd.sd_is_fifo(3)', false],
    ['sd.sd_is_special(3)', false],
    ['sd.sd_is_socket(3)', false],
    ['sd.sd_is_socket_inet(3)', false],
    ['sd.sd_is_socket_unix(3)', false],
    ['sd.sd_is_mq(3)', false],
    ['sd.sd_notify(false, "X=0")', true], // without a message
    ['sd.sd_booted()', false],
    ['sd.sd_watchdog_enabled()', 3_000_000],
    ['sd.sd_pid_notify(0, false, "X=1")', true],
    ['sd.sd_pid_notify_with_fds(0, false, "X=2", [0])', true],
    ['sd.sd_listen_fds_with_names().join()', 'pipe,state'],
    [`sd.sd_is_socket_sockaddr(3, 0, ${address})`, false],
    ['sd.sd_notify_barrier(false, 60_000_000)', true],
    ['sd.sd_pid_notify_barrier(0, false, 60_000_000)', true],
    ['[...sd.implementation.builtin].join()', builtin.join()],
    ['sd.implementation.library', 'libsystemd.so.0'],
    ['inspect(3).kind', 'fifo'],
    ['watchdog.timeout()', 3000],
    ['watchdog.ping()', true],
    ['notify.barrier()', true],
    ['fdStore.load("state").length', 4],
    ['listenFds().length', 2],
  ];

  test('is completed by the built-in functions', async () => {
    await using manager = await startReceiver();
    const { LD_LIBRARY_PATH, library } = await folderBefore('209');
    const source = join(root, 'test/faults/libraries/of-version-209.c');
    await compile(['-shared', '-fPIC', source, '-o', library]);
    const calls = rows.map(([call]) => `await outcome(() => ${call})`);
    const env = { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000', LD_LIBRARY_PATH };
    const found = await run<Outcome[]>(
      `
        inspect(0);
        const before = openFiles();
        say([${calls}]);
        say({ leaks: await leaked(before), warnings });`,
      { specs, names, env },
    );
    const leaks = { ...noLeaks, gone: 1 }; // the descriptor of the bytes
    expect(found).toEqual([rows.map(([, value]) => ({ value })), { leaks, warnings: [] }]);
    await manager.until('FDSTOREREMOVE=1\nFDNAME=state');
    expect(manager.messages.map(({ message }) => message)).toEqual([
      ...['X=1', 'X=2', 'BARRIER=1', 'BARRIER=1', 'WATCHDOG=1', 'BARRIER=1'],
      'FDSTOREREMOVE=1\nFDNAME=state',
    ]);
  });
});
