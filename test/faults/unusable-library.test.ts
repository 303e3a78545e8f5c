// libsystemd that is there and of no use, or not there, or lacks a function. What a host without it
// answers, function by function, is in test/native/without-libsystemd.test.ts.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nobodyLacks, straceLacks } from '../activation/machine.ts';
import { startReceiver } from '../support/receiver.ts';
import { compile, root } from '../support/tools.ts';
import { Injection } from './strace.ts';
import { asNobody, failure, noLeaks, type Outcome, Program, run } from './support.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  await chmod(folder, 0o755);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Where the loader has libsystemd from: /lib and /usr/lib may be the same. */
function installed(): string[] {
  const known = execFileSync('ldconfig', ['-p'], { encoding: 'utf8' });
  const [, path = ''] = /libsystemd\.so\.0 .*=> (.*)/.exec(known) ?? [];
  const inLib = path.replace(/^\/usr/, '');
  return [inLib, `/usr${inLib}`];
}

/** A folder of this name in which the loader looks first. */
async function folderBefore(name: string): Promise<{ LD_LIBRARY_PATH: string; library: string }> {
  const LD_LIBRARY_PATH = join(folder, name.replace(/\W+/g, '-'));
  await mkdir(LD_LIBRARY_PATH);
  return { LD_LIBRARY_PATH, library: join(LD_LIBRARY_PATH, 'libsystemd.so.0') };
}

/** libsystemd itself, with a byte of its ELF header changed. */
async function withByte(path: string, at: number, byte: number): Promise<void> {
  const bytes = await readFile(installed()[0] as string);
  bytes[at] = byte;
  await writeFile(path, bytes);
}

// Of elf.h, and elf(5).
const EI_CLASS = 4;
const ELFCLASS32 = 1;
const E_MACHINE = 18;
const EM_S390 = 22;

/** What needs libsystemd, and what does not; and what the manager is told by it. */
const calls: Readonly<Record<string, readonly [call: string, ...told: string[]]>> = {
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
  load: ["fdStore.load('state').length > 0", 'FDSTOREREMOVE=1\nFDNAME=state'],
  sd_is_fifo: ['sd.sd_is_fifo(3)'],
};
const toldBy = (names: readonly string[]) => names.flatMap((name) => calls[name]?.slice(1) ?? []);

const each = (outcome: unknown) =>
  Object.fromEntries(Object.keys(calls).map((name) => [name, outcome]));

/** Does all of it so many times, each when it is told to. */
function program(times: number): string {
  const entries = Object.entries(calls).map(
    ([name, [call]]) => `${name}: await outcome(() => ${call})`,
  );
  return `
    inspect(0);
    const before = openFiles();
    say('ready');
    for (let i = 0; i < ${times}; i++) {
      told();
      say({ ${entries.join(', ')} });
    }
    say({ leaks: await leaked(before), warnings });`;
}

const specs = ['pipe', 'sealed:kept'];
const names = 'pipe:state';

const works = each({ value: true });
/** What a service tells its manager, and its watchdog, need no libsystemd. */
const needing = ['listenFds', 'load', 'sd_is_fifo'];
const unusable = {
  ...works,
  ...Object.fromEntries(needing.map((name) => [name, failure('ERR_SYSTEMD_LIBRARY')])),
};

describe.concurrent('the loader passes over', () => {
  test.each<[what: string, make: (library: string) => Promise<unknown>]>([
    ['one for another processor', (library) => withByte(library, E_MACHINE, EM_S390)],
    ['one of 32 bits', (library) => withByte(library, EI_CLASS, ELFCLASS32)],
    ['one that it may not read', (library) => writeFile(library, '', { mode: 0 })],
  ])('%s, and finds another', async (what, make) => {
    await using manager = await startReceiver({ abstract: true });
    const { LD_LIBRARY_PATH, library } = await folderBefore(what);
    await make(library);
    const env = { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000', LD_LIBRARY_PATH };
    const through = nobodyLacks === undefined ? asNobody : [];
    await using service = new Program(program(1), { specs, names, env, through });
    expect(await service.next()).toBe('ready');
    service.tell();
    expect(await service.next()).toEqual(works);
  });
});

/** Makes libsystemd unusable to a program, before it is started or when it runs. */
interface Fault {
  readonly what: string;
  readonly lacks?: string | undefined;
  readonly before?: (library: string) => Promise<unknown>;
  readonly while?: (pid: number | undefined) => Promise<Injection>;
}

const notOpened = (error: string) => ({
  what: `can not be opened: ${error}`,
  lacks: straceLacks,
  while: (pid: number | undefined) => Injection.begin(pid, 'openat', error, installed()),
});

const faults: readonly Fault[] = [
  { what: 'is an empty file', before: (library) => writeFile(library, '') },
  { what: 'is a text', before: (library) => writeFile(library, 'No library.\n'.repeat(100)) },
  { what: 'is a folder', before: (library) => mkdir(library) },
  ...['ENOENT', 'EACCES', 'EIO'].map(notOpened),
];

describe.concurrent.each(faults)('a libsystemd that $what', ({ what, lacks, ...fault }) => {
  test('is ERR_SYSTEMD_LIBRARY, until it is usable', async (ctx) => {
    ctx.skip(lacks !== undefined, lacks);
    await using manager = await startReceiver();
    const { LD_LIBRARY_PATH, library } = await folderBefore(what);
    await fault.before?.(library);
    const env = { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000', LD_LIBRARY_PATH };
    await using service = new Program(program(3), { specs, names, env });
    expect(await service.next()).toBe('ready');
    const injection = await fault.while?.(service.pid);
    for (let i = 0; i < 2; i++) {
      service.tell();
      expect(await service.next()).toEqual(unusable);
    }
    await rm(library, { recursive: true, force: true });
    await injection?.end();
    service.tell();
    expect(await service.next()).toEqual(works);
    // What load() gave is closed.
    expect(await service.next()).toEqual({ leaks: { ...noLeaks, gone: 1 }, warnings: [] });
    await manager.until('FDSTOREREMOVE=1\nFDNAME=state');
    const all = Object.keys(calls);
    const told = toldBy(all.filter((name) => !needing.includes(name)));
    expect(manager.messages.map(({ message }) => message)).toEqual([
      ...told,
      ...told,
      ...toldBy(all),
    ]);
  });
});

describe('a libsystemd older than the function', () => {
  const tooOld = (name: string, version: number) =>
    failure('ERR_SYSTEMD_FUNCTION', {
      syscall: name,
      message: expect.stringContaining(`${name} needs libsystemd ${version} or newer. The loader`),
    });
  const send = tooOld('sd_pid_notify_with_fds', 219);
  const list = tooOld('sd_listen_fds_with_names', 227);
  const rows: readonly (readonly [call: string, outcome: unknown])[] = [
    ['sd.sd_listen_fds()', { value: 0 }],
    ['sd.sd_is_fifo(3)', { value: false }],
    ['sd.sd_is_special(3)', { value: false }],
    ['sd.sd_is_socket(3)', { value: false }],
    ['sd.sd_is_socket_inet(3)', { value: false }],
    ['sd.sd_is_socket_unix(3)', { value: false }],
    ['sd.sd_is_mq(3)', { value: false }],
    ['sd.sd_notify(false, "")', { value: true }],
    ['sd.sd_booted()', { value: false }],
    ['sd.sd_watchdog_enabled()', { value: 3_000_000 }],
    ['sd.sd_pid_notify(0, false, "")', tooOld('sd_pid_notify', 214)],
    ['sd.sd_pid_notify_with_fds(0, false, "", [])', send],
    ['sd.sd_listen_fds_with_names()', list],
    [
      'sd.sd_is_socket_sockaddr(3, 0, { family: "inet", address: "127.0.0.1" })',
      tooOld('sd_is_socket_sockaddr', 233),
    ],
    ['sd.sd_notify_barrier(false, 0)', tooOld('sd_notify_barrier', 246)],
    ['sd.sd_pid_notify_barrier(0, false, 0)', tooOld('sd_pid_notify_barrier', 254)],
    ['sd.sd_pidfd_get_inode_id(3)', tooOld('sd_pidfd_get_inode_id', 258)],
    ['inspect(3).kind', { value: 'fifo' }],
    ['watchdog.timeout()', { value: 3000 }],
    ['watchdog.ping()', { value: true }],
    ['notify.ready()', { value: true }],
    ['notify.barrier()', { value: true }],
    ['fdStore.add("x", 0)', { value: true }],
    ['fdStore.remove("x")', { value: true }],
    ['fdStore.save("x", Uint8Array.of(1))', { value: true }],
    ['fdStore.load("state")', list],
    ['fdStore.take("pipe")', list],
    ['listenFds()', list],
    ['listen(net.createServer())', list],
  ];

  test('is ERR_SYSTEMD_FUNCTION to what needs it, and does all else', async () => {
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
    expect(found).toEqual([rows.map(([, outcome]) => outcome), { leaks: noLeaks, warnings: [] }]);
    expect(manager.messages.map(({ message }) => message)).toEqual([
      'WATCHDOG=1',
      'READY=1',
      'BARRIER=1',
      'FDSTORE=1\nFDNAME=x',
      'FDSTOREREMOVE=1\nFDNAME=x',
      'FDSTOREREMOVE=1\nFDNAME=x',
      'FDSTORE=1\nFDNAME=x\nFDPOLL=0',
    ]);
  });
});
