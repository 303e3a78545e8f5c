// Calls on descriptors and processes.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';
import { nativeSockets } from '../../lib/addon/sockets.ts';
import { EAGAIN, EBADF, EINVAL } from '../../lib/base/errno.ts';
import {
  accept,
  closeDescriptor,
  isSameFile,
  pidfdOpen,
  setNonBlocking,
} from '../../lib/descriptor/calls.ts';
import { cookieOf } from '../../lib/descriptor/socket-flags.ts';
import { openListener } from '../../lib/manager/listeners.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Bundle } from './programs.ts';

const folder = temporaryFolder();
const file = join(folder, 'file');
writeFileSync(file, 'content');
let bundle: Bundle;

beforeAll(async () => {
  bundle = await Bundle.make();
});
afterAll(async () => {
  await bundle[Symbol.asyncDispose]();
});

test('setNonBlocking() sets and clears O_NONBLOCK, and no other flag', () => {
  const fd = openSync(file, 'a');
  const flags = () =>
    /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  const before = Number.parseInt(flags() ?? '', 8);
  for (const [isOn, expected] of [
    [true, before | 0o4000],
    [true, before | 0o4000],
    [false, before],
    [false, before],
  ] as const) {
    setNonBlocking(fd, isOn);
    expect(Number.parseInt(flags() ?? '', 8)).toBe(expected);
  }
  closeSync(fd);
});

/** Programs that say whether two descriptors are one open file: by kcmp(2), and by a comparison. */
const PAIRS = [
  ['a descriptor and itself', 'const a = open(); say(same(a, a));', true, true],
  ['a copy', 'const a = open(); say(same(a, dup(a)));', true, true],
  ['two opens of one file', 'say(same(open(), open()));', false, true],
  ['two opens with other flags', "say(same(open(), open('a')));", false, false],
  ['two files', "say(same(open(), open('r', '/proc/self/maps')));", false, false],
  [
    'the ends of a pipe',
    'const [, a, b] = manager.native().pipe(); say(same(a, b));',
    false,
    false,
  ],
  [
    'two sockets',
    'say(same(manager.nativeSockets().socket(1, 1, 0), manager.nativeSockets().socket(1, 1, 0)));',
    false,
    false,
  ],
  ['copies of a device', "const a = open('r', '/dev/null'); say(same(a, dup(a)));", true, false],
] as const;

const FORBIDDEN = [
  'strace',
  '-f',
  '-qq',
  '-o',
  join(folder, 'strace'),
  '-e',
  'inject=kcmp:error=EPERM',
];

describe.each([
  ['by kcmp(2)', [], 0],
  ['where kcmp(2) is forbidden', FORBIDDEN, 1],
] as const)('isSameFile() %s', (_where, under, which) => {
  test.each(PAIRS)('%s', async (_what, program, ...answers) => {
    const code = `
      import { openSync } from 'node:fs';
      const open = (flags = 'r', path = ${JSON.stringify(file)}) => openSync(path, flags);
      const dup = (fd) => manager.native().dup(fd, 3);
      const same = manager.isSameFile;
      ${program}`;
    expect(await bundle.said(code, { under })).toEqual([answers[which]]);
  });
});

test('isSameFile() throws EBADF for a closed descriptor', () => {
  expect(() => isSameFile(0, 9999)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => isSameFile(9999, 0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

test('accept() returns a connection, and undefined when none waits, also on a blocking socket', async () => {
  const address = join(folder, 'listener');
  const fd = openListener({ name: 'a', kind: 'stream', address });
  expect(accept(fd)).toBeUndefined();
  setNonBlocking(fd, false);
  expect(accept(fd)).toBeUndefined();
  const client = connect(address);
  await once(client, 'connect');
  const connection = accept(fd) as number;
  expect(readFileSync(`/proc/self/fdinfo/${connection}`, 'utf8')).toMatch(/^flags:\s*02000002$/m);
  expect(accept(fd)).toBeUndefined();
  closeDescriptor(connection);
  closeDescriptor(fd);
  client.destroy();
  expect(() => accept(fd)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'accept4' }));
});

test('each socket has a cookie of its own, and no file has one', () => {
  const [one, other] = ['one', 'other'].map((name) =>
    openListener({ name, kind: 'stream', address: join(folder, name) }),
  ) as [number, number];
  expect(cookieOf(one)).toBe(cookieOf(one));
  expect(cookieOf(one)).not.toBe(cookieOf(other));
  closeDescriptor(one);
  closeDescriptor(other);
  const fd = openSync(file, 'r');
  const failure = { code: 'ENOTSOCK', syscall: 'getsockopt' };
  expect(() => cookieOf(fd)).toThrow(expect.objectContaining(failure));
  closeSync(fd);
});

test('getsockopt() writes no more than there is room for, and returns how much it has written', () => {
  const fd = openListener({ name: 'a', kind: 'stream', address: join(folder, 'option') });
  const bytes = new Uint8Array(8).fill(0xaa);
  const ACCEPTS = 30; // SO_ACCEPTCONN
  expect(nativeSockets().getsockopt(fd, 1, ACCEPTS, bytes)).toBe(4);
  expect([...new Uint32Array(bytes.buffer)]).toEqual([1, 0xaaaaaaaa]);
  expect(nativeSockets().getsockopt(fd, 1, ACCEPTS, bytes.subarray(0, 0))).toBe(0);
  closeDescriptor(fd);
});

test('pidfdOpen() throws ESRCH for a process that has ended', () => {
  const pid = Number(execFileSync('sh', ['-c', 'echo $$']));
  expect(() => pidfdOpen(pid)).toThrow(
    expect.objectContaining({ code: 'ESRCH', message: expect.stringContaining(`pid ${pid}`) }),
  );
});

test('a descriptor that is not closed does not outlive the thread that has opened it', async () => {
  const program = `
    import { Worker } from 'node:worker_threads';
    const source = \`
      import { parentPort } from 'node:worker_threads';
      import { pidfdOpen } from ${JSON.stringify('BUNDLE')};
      parentPort.on('message', () => {}); // so that it stays
      parentPort.postMessage(pidfdOpen(process.pid));\`;
    const worker = new Worker(source, { eval: true });
    worker.once('message', async (fd) => {
      const wasOpen = link(fd) !== undefined;
      await worker.terminate();
      say([wasOpen, link(fd) !== undefined]);
    });`;
  expect(await bundle.said(program.replace('BUNDLE', bundle.path))).toEqual([[true, false]]);
});

describe('read() and write()', () => {
  const { O_RDWR, O_NONBLOCK } = constants;
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);

  test('read what was written, and never wait', () => {
    const fd = nativeSockets().open(fifo, O_RDWR | O_NONBLOCK);
    const buffer = Buffer.alloc(8);
    expect(nativeSockets().read(fd, buffer)).toBe(-EAGAIN);
    expect(nativeSockets().write(fd, Buffer.from('abc'))).toBe(3);
    expect(nativeSockets().read(fd, buffer)).toBe(3);
    expect(buffer.toString('latin1')).toBe('abc\0\0\0\0\0');
    expect(nativeSockets().write(fd, Buffer.alloc(1 << 20))).toBeLessThan(1 << 20);
    expect(nativeSockets().write(fd, Buffer.alloc(1 << 20))).toBe(-EAGAIN);
    closeDescriptor(fd);
  });

  test('are refused where they could wait', () => {
    const fd = nativeSockets().open(fifo, O_RDWR);
    expect(nativeSockets().read(fd, Buffer.alloc(1))).toBe(-EINVAL);
    expect(nativeSockets().write(fd, Buffer.alloc(1))).toBe(-EINVAL);
    closeDescriptor(fd);
  });

  test('touch no file that has got the number meanwhile', () => {
    const fd = nativeSockets().open(fifo, O_RDWR | O_NONBLOCK);
    native().close(fd); // the other add-on knows nothing of the first one's list
    const other = native().memfd_create('other', 0);
    expect(other).toBe(fd);
    expect(nativeSockets().write(fd, Buffer.from('x'))).toBe(-EBADF);
    expect(nativeSockets().read(fd, Buffer.alloc(1))).toBe(-EBADF);
    expect(native().file_size(other)).toEqual([0, 0]);
    native().close(other);
  });
});

test('malloc_trim() is that of the C library', () => {
  const [result, again] = [nativeSockets().malloc_trim(), nativeSockets().malloc_trim()];
  expect([0, 1]).toContain(result);
  expect([0, 1]).toContain(again);
});

test('a descriptor is closed once', () => {
  const fd = pidfdOpen(process.pid);
  closeDescriptor(fd);
  expect(() => closeDescriptor(fd)).toThrow(expect.objectContaining({ code: 'EBADF', fd }));
  expect(native().dup(fd, 3)).toBeLessThan(0);
});
