// Addresses as people write them.
import { describe, expect, test } from 'vitest';
import {
  isChosen,
  parseAddress,
  replaceAddress,
  splitName,
  whyNotListenable,
} from '../../lib/manager/addresses.ts';
import { SocketFolder } from '../../lib/manager/socket-folder.ts';

const place = { folder: '/tmp/x', name: 'http' };

describe('an address is read', () => {
  test.each([
    ['tcp', 'stream', '127.0.0.1:0'],
    ['tcp6', 'stream', '[::1]:0'],
    ['udp', 'datagram', '127.0.0.1:0'],
    ['udp6', 'datagram', '[::1]:0'],
    ['unix', 'stream', '/tmp/x/http'],
    ['unix-dgram', 'datagram', '/tmp/x/http'],
    ['unix-seqpacket', 'seqpacket', '/tmp/x/http'],
    ['fifo', 'fifo', '/tmp/x/http'],
    ['abstract', 'stream', '@tmp/x/http'],
    ['tcp://127.0.0.1:80', 'stream', '127.0.0.1:80'],
    ['tcp://127.0.0.1:80/', 'stream', '127.0.0.1:80'],
    ['tcp://[::]:80', 'stream', '[::]:80'],
    ['udp://[fe80::1%lo]:53', 'datagram', '[fe80::1%lo]:53'],
    ['unix:/run/a.sock', 'stream', '/run/a.sock'],
    ['unix:@a', 'stream', '@a'],
    ['unix-dgram:/run/a', 'datagram', '/run/a'],
    ['unix-seqpacket:@a b', 'seqpacket', '@a b'],
    ['fifo:/run/f', 'fifo', '/run/f'],
    ['special:/dev/x', 'special', '/dev/x'],
    ['mq:/jobs', 'queue', '/jobs'],
    ['netlink:kobject-uevent 1', 'netlink', 'kobject-uevent 1'],
    ['8080', 'stream', '127.0.0.1:8080'],
    ['0', 'stream', '127.0.0.1:0'],
    ['0.0.0.0:65535', 'stream', '0.0.0.0:65535'],
    ['[::1]:8080', 'stream', '[::1]:8080'],
    ['/run/a=b:c', 'stream', '/run/a=b:c'],
    ['@abstract', 'stream', '@abstract'],
    ['vsock:2:1234', 'stream', 'vsock:2:1234'],
    ['vsock::1234', 'stream', 'vsock::1234'],
  ])('%s', (text, kind, address) => {
    expect(parseAddress(text, place)).toEqual({ kind, address });
  });
});

test('each socket of a folder has a file of its own, also when they have one name', () => {
  const sockets = new SocketFolder('/tmp/x');
  const files = ['a', 'a-2', 'a', 'b/c', 'b-c'].map((name) => sockets.place(name).name);
  expect(files).toEqual(['a', 'a-2', 'a-3', 'b-c', 'b-c-2']);
});

describe('an address is refused, with what to write', () => {
  test.each([
    ['', '127.0.0.1:8080'],
    ['localhost:80', 'write 127.0.0.1:80 or [::1]:80'],
    ['tcp://localhost:80', 'write 127.0.0.1:80 or [::1]:80'],
    [':80', 'write 127.0.0.1:80, or for every interface [::]:80'],
    ['*:80', 'for every interface [::]:80'],
    ['::1:80', 'write [::1]:80'],
    ['example.org:80', 'is a name, and a socket needs an IP address'],
    ['1.2.3:80', 'is a name'],
    ['[1.2.3.4]:80', 'is no IPv6 address'],
    ['127.0.0.1', 'write one such as'],
    ['127.0.0.1:http', 'write one such as'],
    ['65536', 'from 0 to 65535'],
    ['127.0.0.1:99999999', 'from 0 to 65535'],
    ['-1', 'write one such as'],
    ['tcp:8080', 'write tcp://127.0.0.1:8080'],
    ['http://127.0.0.1:80', 'write one such as'],
    ['unix:a.sock', 'a path begins with /'],
    ['unix:/run/', 'does not end with /'],
    ['unix:@', 'the abstract name after @ is empty'],
    ['@', 'the abstract name after @ is empty'],
    [`/${'a'.repeat(107)}`, 'at most 107 bytes, this has 108'],
    ['fifo:@a', 'a path begins with /'],
    ['mq:jobs', 'such as /jobs'],
    ['mq:/a/b', 'such as /jobs'],
    ['netlink:', 'such as kobject-uevent 1'],
    ['vsock:x:1', 'such as vsock:2:1234'],
    ['TCP', 'write one such as'],
    ['constructor', 'write one such as'],
    ['a\nb', 'a line break'],
    ['\u001b[31m:80', "'\\x1b[31m:80' is no address"],
  ])('%j', (text, hint) => {
    let error: unknown;
    try {
      parseAddress(text, place);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect((error as Error).message).toContain(hint);
    expect((error as Error).message).not.toMatch(/\p{Cc}/u);
  });

  test('a path that the folder makes too long', () => {
    expect(() => parseAddress('unix', { folder: `/${'a'.repeat(110)}`, name: 'x' })).toThrow('107');
  });
});

describe('name=address is split at the first =', () => {
  test.each([
    ['http=8080', 'http', '8080'],
    ['a b=unix:/x=y', 'a b', 'unix:/x=y'],
    ['8080', undefined, '8080'],
    ['=8080', undefined, '=8080'],
    ['tcp://[::1]:80=x', undefined, 'tcp://[::1]:80=x'],
    ['n\u00e4me=80', undefined, 'n\u00e4me=80'],
    [`${'a'.repeat(256)}=80`, undefined, `${'a'.repeat(256)}=80`],
    ['http=', 'http', ''],
  ])('%s', (text, name, address) => {
    expect(splitName(text)).toEqual(name === undefined ? { address } : { name, address });
  });
});

describe('an address of a unit file is replaced by a free one of its kind', () => {
  test.each([
    ['stream', '80', '127.0.0.1:0'],
    ['stream', '0.0.0.0:80', '127.0.0.1:0'],
    ['datagram', '[::]:53', '[::1]:0'],
    ['stream', '/run/app.sock', '/tmp/x/http'],
    ['seqpacket', '@app', '@tmp/x/http'],
    ['fifo', '/run/f', '/tmp/x/http'],
    ['queue', '/jobs', '/tmp-x-http'],
    ['special', '/dev/x', '/dev/x'],
    ['netlink', 'route 1', 'route 1'],
    ['stream', 'vsock:2:80', 'vsock:2:80'],
  ] as const)('%s %s', (kind, address, expected) => {
    expect(replaceAddress({ kind, address }, place)).toEqual({ kind, address: expected });
    expect(whyNotListenable({ kind, address })).toBeUndefined();
  });
});

test('a word for a free address is told from an address', () => {
  expect(['tcp', 'unix', '80', 'toString'].map(isChosen)).toEqual([true, true, false, false]);
});
