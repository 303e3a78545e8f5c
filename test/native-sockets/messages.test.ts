// The add-on's calls for messages and for the event loop: their results for good and bad arguments.
import { closeSync, fstatSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nativeSockets } from '../../lib/addon/sockets.ts';
import { EAGAIN, EBADF, EEXIST, EINVAL, ENOENT } from '../../lib/base/errno.ts';
import { AF_UNIX, SOCK_DGRAM } from '../../lib/sd/constants.ts';

const native = nativeSockets();
const NO_BYTES = new Uint8Array(0);
const EALREADY = 114;

/** The size of a record without its message. */
const RECORD = 1152;

let names = 0;
const newName = () => Buffer.from(`\x01\0\0libsystemd ${process.pid} ${++names}`, 'latin1');

function pair() {
  const name = newName();
  const [receiver, sender] = [0, 1].map(() => native.socket(AF_UNIX, SOCK_DGRAM, 0)) as [
    number,
    number,
  ];
  expect(native.bind(receiver, name)).toBe(0);
  expect(native.connect(sender, name)).toBe(0);
  const close = () => [receiver, sender].map((fd) => native.close(fd));
  return { receiver, sender, name, close };
}

test('sendto() and recvmmsg() return the bytes and the messages', () => {
  const { receiver, sender, name, close } = pair();
  const records = new Uint8Array(3 * (RECORD + 8));
  expect(native.recvmmsg(receiver, records, 8, true)).toBe(-EAGAIN);
  expect(native.sendto(sender, NO_BYTES, Buffer.from('one'))).toBe(3);
  expect(native.sendto(sender, name, Buffer.from('three'))).toBe(5);
  expect(native.sendmsg(sender, [receiver], NO_BYTES, NO_BYTES)).toBe(0);
  expect(native.sendto(sender, NO_BYTES, NO_BYTES)).toBe(0);
  expect(native.recvmmsg(receiver, records, 8, false)).toBe(3);
  const ints = new Int32Array(records.buffer, 0, 8);
  expect([...ints]).toEqual([3, 0, 0, -1, -1, 0, 0, expect.any(Number)]);
  expect(Buffer.from(records.subarray(RECORD, RECORD + 3)).toString()).toBe('one');
  expect(native.recvmmsg(receiver, records, 8, false)).toBe(1);
  close();
});

test('recvmmsg() writes to bytes that begin anywhere', () => {
  const { receiver, sender, close } = pair();
  const memory = new Uint8Array(RECORD + 8 + 3);
  native.sendto(sender, NO_BYTES, Buffer.from('12345678'));
  expect(native.recvmmsg(receiver, memory.subarray(3), 8, false)).toBe(1);
  expect(Buffer.from(memory.subarray(-8)).toString()).toBe('12345678');
  close();
});

test('the results for what cannot be done are negative', () => {
  const { receiver, sender, name, close } = pair();
  const results = {
    'no room for a record': native.recvmmsg(receiver, new Uint8Array(RECORD), 1, false),
    'no size': native.recvmmsg(receiver, new Uint8Array(9999), 0, false),
    'a negative size': native.recvmmsg(receiver, new Uint8Array(9999), -8, false),
    'a size beyond the bytes': native.recvmmsg(receiver, new Uint8Array(9999), 2 ** 31 - 1, false),
    'too long an address': native.sendto(sender, new Uint8Array(129), NO_BYTES),
    'too long an address, with descriptors': native.sendmsg(sender, [0], new Uint8Array(129), name),
    'too long an address to connect to': native.connect(sender, new Uint8Array(1000)),
    'too many descriptors': native.sendmsg(sender, Array(254).fill(0), NO_BYTES, NO_BYTES),
    'a descriptor that is not open': native.sendmsg(sender, [-1], NO_BYTES, NO_BYTES),
    'a closed socket': native.sendto(-1, NO_BYTES, NO_BYTES),
    'a name that nobody has': native.sendto(sender, newName(), NO_BYTES),
  };
  expect(results).toEqual({
    'no room for a record': -EINVAL,
    'no size': -EINVAL,
    'a negative size': -EINVAL,
    'a size beyond the bytes': -EINVAL,
    'too long an address': -EINVAL,
    'too long an address, with descriptors': -EINVAL,
    'too long an address to connect to': -EINVAL,
    'too many descriptors': -EINVAL,
    'a descriptor that is not open': -EBADF,
    'a closed socket': -EBADF,
    'a name that nobody has': -111,
  });
  close();
});

test('epoll_wait() tells the numbers and the events of what is ready', () => {
  const { receiver, sender, close } = pair();
  const epoll = native.epoll_create();
  const events = new Int32Array(4);
  const bytes = new Uint8Array(events.buffer);
  expect(native.epoll_ctl(epoll, 1, receiver, 7, 1)).toBe(0);
  expect(native.epoll_ctl(epoll, 1, receiver, 8, 1)).toBe(-EEXIST);
  expect(native.epoll_ctl(epoll, 2, sender, 8, 1)).toBe(-ENOENT);
  expect(native.epoll_wait(epoll, bytes)).toBe(0);
  native.sendto(sender, NO_BYTES, NO_BYTES);
  expect(native.epoll_wait(epoll, bytes)).toBe(1);
  expect([...events]).toEqual([7, 1, 0, 0]);
  expect(native.epoll_wait(epoll, bytes.subarray(0, 7))).toBe(-EINVAL);
  native.close(epoll);
  close();
});

test('poll_start() calls back from the event loop until poll_stop()', async () => {
  const { receiver, sender, close } = pair();
  const epoll = native.epoll_create();
  expect([native.poll_stop(), native.poll_keep_alive(true)]).toEqual([-ENOENT, -ENOENT]);
  expect(native.poll_start(-1, () => {})).toBe(-EBADF);
  native.epoll_ctl(epoll, 1, receiver, 7, 1);
  const called = new Promise<void>((resolve) => {
    expect(native.poll_start(epoll, resolve)).toBe(0);
  });
  expect(native.poll_start(epoll, () => {})).toBe(-EALREADY);
  native.sendto(sender, NO_BYTES, NO_BYTES);
  await called;
  expect(native.poll_keep_alive(false)).toBe(0);
  expect([native.poll_stop(), native.poll_stop()]).toEqual([0, -ENOENT]);
  native.close(epoll);
  close();
});

test('hold() and release() take and give a descriptor', () => {
  const fd = native.socket(AF_UNIX, SOCK_DGRAM, 0);
  expect([native.release(fd), native.hold(fd), native.hold(-1), native.release(-1)]).toEqual([
    0, 0, 0, 0,
  ]);
  expect(native.close(fd)).toBe(0);
  expect(native.shutdown(fd, 1)).toBe(-EBADF);
});

test('close_held() closes what the add-on has opened, and no other file', () => {
  const own = native.socket(AF_UNIX, SOCK_DGRAM, 0);
  expect([native.close_held(own), native.close(own)]).toEqual([0, -EBADF]);
  const closed = native.socket(AF_UNIX, SOCK_DGRAM, 0);
  closeSync(closed);
  const other = openSync('/dev/null', 'r');
  expect([other, native.close_held(other), fstatSync(other).isCharacterDevice()]).toEqual([
    closed,
    0,
    true,
  ]);
  closeSync(other);
  expect([native.close_held(other), native.close_held(-1)]).toEqual([0, 0]);
});
