// The receiver of notifications: every message comes, in order, with its sender, its descriptors and its time.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';
import { EAGAIN } from '../../lib/base/errno.ts';
import { closeDescriptor, isSameFile } from '../../lib/descriptor/calls.ts';
import { Receiver } from '../../lib/manager/receiver.ts';
import type { ReceivedMessage } from '../../lib/manager/world.ts';
import { encodeUnixAddress } from '../../lib/sd/sockaddr.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let sockets = 0;

class Received implements Disposable {
  readonly messages: ReceivedMessage[] = [];
  readonly receiver: Receiver;
  readonly #address: Uint8Array;

  constructor(path = join(folder, String(++sockets))) {
    this.receiver = new Receiver(path, (message) => this.messages.push(message));
    this.#address = encodeUnixAddress(path);
  }

  /** Sends without waiting. Returns the number of bytes, or a negative errno. */
  send(text: string, fds: readonly number[] = []): number {
    return native().send_datagram(this.#address, text, fds);
  }

  texts(): string[] {
    return this.messages.map(({ bytes }) => bytes.toString());
  }

  [Symbol.dispose](): void {
    for (const { fds } of this.messages) for (const fd of fds) closeDescriptor(fd);
    this.receiver.close();
  }
}

const openFds = () => readdirSync('/proc/self/fd').length;

/** Opens the read end of nothing: a file of its own, so that its descriptor can be told from others. */
function openFile(): number {
  const path = join(folder, 'file');
  writeFileSync(path, '');
  return openSync(path, 'r');
}

test('hands over the bytes, the sender and the time of a message', async () => {
  using received = new Received();
  const before = process.hrtime.bigint() / 1000n;
  received.send('READY=1\nSTATUS=é');
  await received.receiver.drain();
  const after = process.hrtime.bigint() / 1000n;
  const [message] = received.messages;
  expect(received.texts()).toEqual(['READY=1\nSTATUS=é']);
  expect(message).toMatchObject({ pid: process.pid, fds: [] });
  expect(message).toMatchObject({ uid: process.getuid?.(), gid: process.getgid?.() });
  expect(message?.at).toBeGreaterThanOrEqual(before);
  expect(message?.at).toBeLessThanOrEqual(after);
});

test.each([
  ['no bytes', 0, { length: 0, lost: undefined }],
  ['4,096 bytes', 4096, { length: 4096, lost: undefined }],
  ['4,097 bytes', 4097, { length: 4096, lost: 'bytes' }],
  ['100,000 bytes', 100_000, { length: 4096, lost: 'bytes' }],
])('a message of %s', async (_what, size, { length, lost }) => {
  using received = new Received();
  expect(received.send('x'.repeat(size))).toBe(size);
  await received.receiver.drain();
  expect(received.texts()).toEqual(['x'.repeat(length)]);
  expect(received.messages[0]?.lost).toBe(lost);
});

test('receives 10,000 messages while JavaScript is busy, and hands them over in order', async () => {
  using received = new Received();
  const texts = Array.from({ length: 10_000 }, (_, i) => `X_COUNT=${i}`);
  for (const text of texts) {
    // The queue may be full for the moment, but this loop gives no turn to the event loop.
    while (received.send(text) === -EAGAIN);
  }
  await received.receiver.drain();
  expect(received.texts()).toEqual(texts);
});

test('hands over the messages of several receivers, each to its own', async () => {
  using one = new Received();
  using other = new Received();
  for (let i = 0; i < 5; i++) for (const each of [one, other]) each.send(String(i));
  await Promise.all([one.receiver.drain(), other.receiver.drain()]);
  expect(one.texts()).toEqual(['0', '1', '2', '3', '4']);
  expect(other.texts()).toEqual(one.texts());
});

test('the sender is known by its pid, also when it has ended already', async () => {
  using received = new Received();
  // Not systemd-notify, because it sends in its parent's name when it may.
  const sender = `
    import os, socket, sys
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', sys.argv[1])
    print(os.getpid())`.replaceAll('\n    ', '\n');
  const pid = Number(execFileSync('python3', ['-c', sender, received.receiver.path]));
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  await received.receiver.drain();
  expect(received.messages).toMatchObject([{ pid }]);
});

test('a message brings up to 253 descriptors, close-on-exec, of the same open files', async () => {
  using received = new Received();
  const fd = openFile();
  received.send('FDSTORE=1', Array(253).fill(fd));
  received.send('FDSTORE=1', [fd]);
  await received.receiver.drain();
  const [many, one] = received.messages;
  expect([many?.fds.length, one?.fds.length]).toEqual([253, 1]);
  for (const each of [many?.fds[0], many?.fds[252], one?.fds[0]] as number[]) {
    expect(isSameFile(each, fd)).toBe(true);
    expect(readFileSync(`/proc/self/fdinfo/${each}`, 'utf8')).toMatch(/^flags:\t02\d{6}$/m);
  }
  closeSync(fd);
});

test('descriptors of a message that nobody gets any more are closed', async () => {
  const received = new Received();
  const fd = openFile();
  const before = openFds();
  received.send('FDSTORE=1', [fd, fd]);
  while (openFds() < before + 2); // until the thread has received the message
  received.receiver.close();
  await sleep(10);
  expect(received.messages).toEqual([]);
  const links = readdirSync('/proc/self/fd').flatMap((each) => {
    try {
      return [readlinkSync(`/proc/self/fd/${each}`)];
    } catch {
      return [];
    }
  });
  expect(links.filter((link) => link === join(folder, 'file'))).toHaveLength(1);
  closeSync(fd);
});

test('while it is paused, messages stay in the socket, and senders find its queue full', async () => {
  using received = new Received();
  received.receiver.pause();
  let sent = 0;
  while (received.send(String(sent)) !== -EAGAIN) sent++;
  await sleep(50);
  expect(received.messages).toEqual([]);
  received.receiver.resume();
  await received.receiver.drain();
  expect(received.texts()).toEqual(Array.from({ length: sent }, (_, i) => String(i)));
});

test('drain() waits while the receiver is paused', async () => {
  using received = new Received();
  received.receiver.pause();
  received.send('READY=1');
  const drained = received.receiver.drain().then(() => received.texts());
  expect(await Promise.race([drained, sleep(50)])).toBeUndefined();
  received.receiver.resume();
  expect(await drained).toEqual(['READY=1']);
});

test.each(['running', 'paused'])('close() of a %s receiver ends each drain()', async (state) => {
  using received = new Received();
  if (state === 'paused') received.receiver.pause();
  const drained = [received.receiver.drain(), received.receiver.drain()];
  received.receiver.close();
  await Promise.all(drained);
  await received.receiver.drain();
});

test('close() removes the path, closes everything and ends the thread', () => {
  const threads = () => readdirSync('/proc/self/task').length;
  const received = new Received();
  received.receiver.close();
  const before = [openFds(), threads()];
  const other = new Received();
  expect([openFds(), threads()]).not.toEqual(before);
  other.receiver.close();
  other.receiver.close();
  expect([openFds(), threads()]).toEqual(before);
  expect(existsSync(other.receiver.path)).toBe(false);
});

test('an abstract name will do', async () => {
  using received = new Received(`@${folder}`);
  received.send('READY=1');
  await received.receiver.drain();
  expect(received.texts()).toEqual(['READY=1']);
});

test('refuses a path that exists', () => {
  using received = new Received();
  const { path } = received.receiver;
  const before = openFds();
  expect(() => new Received(path)).toThrow(
    expect.objectContaining({ code: 'EADDRINUSE', syscall: 'bind', path }),
  );
  expect(openFds()).toBe(before);
});

test('refuses a path of more than 107 bytes, and says what to do', () => {
  const path = `/${'x'.repeat(107)}`;
  expect(() => new Received(path)).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringMatching(/at most 107 bytes; this has 108, so choose a shorter folder/),
    }),
  );
});
