// Socket addresses: decoded from the kernel's bytes, encoded as bytes, and formatted as text.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { type Address, formatAddress, inspect, type SocketDescriptor } from 'libsystemd';
import { describe, expect, test } from 'vitest';
import { native as addon } from '../../lib/addon/exports.ts';
import { decodeAddress } from '../../lib/descriptor/address.ts';
import { encodeAddress, encodeUnixAddress } from '../../lib/sd/sockaddr.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const AF_PACKET = 17;
const AF_VSOCK = 40;

/** A number as this machine stores it. */
function native(value: number, bytes: 2 | 4): number[] {
  const big = Array.from({ length: bytes }, (_, i) => (value >>> (8 * (bytes - 1 - i))) & 255);
  return endianness() === 'LE' ? big.reverse() : big;
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const latin1 = (text: string): number[] => [...Buffer.from(text, 'latin1')];
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

const sockaddr = (family: number, ...rest: readonly number[]) =>
  bytes(...native(family, 2), ...rest);

const HTTP = [0, 80];
const LOCALHOST6 = [...zeros(15), 1];

describe('decodeAddress() and encodeAddress() are inverse for an inet or inet6 address', () => {
  const rows: readonly (readonly [Address & { address: string }, Uint8Array])[] = [
    [
      { family: 'inet', address: '127.0.0.1', port: 80 },
      sockaddr(AF_INET, ...HTTP, 127, 0, 0, 1, ...zeros(8)),
    ],
    [{ family: 'inet', address: '0.0.0.0', port: 0 }, sockaddr(AF_INET, ...zeros(14))],
    [
      { family: 'inet', address: '255.254.253.252', port: 65535 },
      sockaddr(AF_INET, 255, 255, 255, 254, 253, 252, ...zeros(8)),
    ],
    [
      { family: 'inet6', address: '::1', port: 80, flowinfo: 0, scopeId: 0 },
      sockaddr(AF_INET6, ...HTTP, ...zeros(4), ...LOCALHOST6, ...zeros(4)),
    ],
    [
      { family: 'inet6', address: '::', port: 0, flowinfo: 0, scopeId: 0 },
      sockaddr(AF_INET6, ...zeros(26)),
    ],
    [
      { family: 'inet6', address: '::ffff:1.2.3.4', port: 80, flowinfo: 0, scopeId: 0 },
      sockaddr(AF_INET6, ...HTTP, ...zeros(14), 255, 255, 1, 2, 3, 4, ...zeros(4)),
    ],
    [
      // flowinfo is in network byte order, scopeId in that of the machine, see ipv6(7).
      { family: 'inet6', address: 'fe80::1', port: 80, flowinfo: 0x010203, scopeId: 0x040506 },
      sockaddr(AF_INET6, ...HTTP, 0, 1, 2, 3, 0xfe, 0x80, ...zeros(13), 1, ...native(0x040506, 4)),
    ],
    [
      {
        family: 'inet6',
        address: '2001:db8::ff00:42:8329',
        port: 65535,
        flowinfo: 0xffff_ffff,
        scopeId: 0xffff_ffff,
      },
      sockaddr(
        AF_INET6,
        ...[255, 255, 255, 255, 255, 255],
        ...[0x20, 0x01, 0x0d, 0xb8, ...zeros(6), 0xff, 0, 0, 0x42, 0x83, 0x29],
        ...[255, 255, 255, 255],
      ),
    ],
  ];
  test.for(rows.map(([address, raw]) => [formatAddress(address), address, raw] as const))(
    '%s',
    ([, address, raw]) => {
      expect(decodeAddress(raw)).toStrictEqual(address);
      expect(encodeAddress(address as never)).toStrictEqual(raw);
    },
  );
});

describe('encodeAddress() accepts every form of a SockAddr', () => {
  const inet = sockaddr(AF_INET, ...HTTP, 127, 0, 0, 1, ...zeros(8));
  const inet6 = sockaddr(AF_INET6, ...HTTP, ...zeros(4), ...LOCALHOST6, ...zeros(4));
  test.for([
    [{ family: 'inet', address: '127.0.0.1', port: 80 }, inet],
    [{ family: 'IPv4', address: '127.0.0.1', port: 80 }, inet],
    [{ family: AF_INET, address: '127.0.0.1', port: 80 }, inet],
    [{ family: AF_INET, address: '127.0.0.1', port: 80, flowinfo: 1, scopeId: 2 }, inet],
    [{ family: 'inet6', address: '::1', port: 80 }, inet6],
    [{ family: 'IPv6', address: '::1', port: 80 }, inet6],
    [{ family: AF_INET6, address: '0:0:0:0:0:0:0:1', port: 80 }, inet6],
    [{ family: 'inet', address: '0.0.0.0' }, sockaddr(AF_INET, ...zeros(14))],
    [{ family: 'inet6', address: '::' }, sockaddr(AF_INET6, ...zeros(26))],
    [Uint8Array.of(), Uint8Array.of()],
    [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)],
  ] as const)('%j', ([address, raw]) => {
    expect(encodeAddress(address)).toStrictEqual(raw);
  });
});

/** Texts of a few parts in random order: nearly addresses, and some that are. */
function almostAddresses(count: number): string[] {
  const parts = [
    '0',
    '1',
    '9',
    '25',
    '55',
    '127',
    '255',
    '256',
    '00',
    '.',
    '.',
    '.',
    '.',
    ' ',
    'x',
  ];
  const random = (most: number) => Math.floor(Math.random() * most);
  const numbers = () => Array.from({ length: 4 }, () => random(260)).join('.');
  const mixed = () => Array.from({ length: 1 + random(9) }, () => parts[random(parts.length)]);
  return Array.from({ length: count }, (_, i) => (i % 2 === 0 ? numbers() : mixed().join('')));
}

test('encodeAddress() accepts the IPv4 addresses that inet_pton(3) accepts, and no others', () => {
  const host = new Uint8Array(16);
  const odd = [
    '',
    '.',
    '1.2.3',
    '1.2.3.4.',
    '1.2.3.4.5',
    '.1.2.3.4',
    '1..2.3',
    '0.0.0.0',
    '1.2.3.4\n',
  ];
  for (const address of [...odd, '\u0661.1.1.1', '-1.2.3.4', ...almostAddresses(20_000)]) {
    if (addon().inet_pton(AF_INET, address, host) === 1) {
      expect(encodeAddress({ family: 'inet', address }).subarray(4, 8)).toEqual(
        host.subarray(0, 4),
      );
    } else {
      expect(() => encodeAddress({ family: 'inet', address })).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
      );
    }
  }
});

test('encodeAddress() keeps nothing of the address before', () => {
  const full = { port: 0xffff, flowinfo: 0xffff_ffff, scopeId: 0xffff_ffff };
  encodeAddress({ family: 'inet', address: '255.255.255.255', ...full });
  expect(encodeAddress({ family: 'inet', address: '0.0.0.0' })).toEqual(
    sockaddr(AF_INET, ...zeros(14)),
  );
  encodeAddress({ family: 'inet6', address: 'ffff::ffff', ...full });
  expect(encodeAddress({ family: 'inet6', address: '::' })).toEqual(
    sockaddr(AF_INET6, ...zeros(26)),
  );
});

test('encodeAddress() may be called by a getter of an address', () => {
  const address = {
    family: 'inet',
    port: 80,
    get address() {
      encodeAddress({ family: 'inet', address: '9.9.9.9', port: 9 });
      return '127.0.0.1';
    },
  } as const;
  expect(encodeAddress(address)).toEqual(sockaddr(AF_INET, ...HTTP, 127, 0, 0, 1, ...zeros(8)));
});

test('decodeAddress() makes the same text of any path as the Encoding Standard', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
  const pieces = [[97], [0xff], [0xc3, 0xa4], [0xe2, 0x98], [0x83], [0xf0, 0x9f, 0x98, 0x80]];
  const more = [
    [0xed, 0xa0, 0x80],
    [0xef, 0xbf, 0xbd],
    [0xc0, 0x80],
    [0xf4, 0x90],
    [0xf0, 0x9f],
  ];
  const all = [...pieces, ...more];
  for (let round = 0; round < 5000; round++) {
    const length = 1 + Math.floor(Math.random() * 6);
    const path = bytes(
      ...Array.from({ length }, () => all[Math.floor(Math.random() * all.length)]!).flat(),
    );
    const decoded = decodeAddress(sockaddr(AF_UNIX, ...path, 0));
    let isUtf8 = true;
    try {
      strict.decode(path);
    } catch {
      isUtf8 = false;
    }
    const expected = { family: 'unix', path: lossy.decode(path), ...(!isUtf8 && { bytes: path }) };
    expect(decoded).toStrictEqual(expected);
  }
});

describe('decodeAddress() decodes', () => {
  const rows: readonly (readonly [name: string, Uint8Array, object])[] = [
    ['an unnamed Unix address', sockaddr(AF_UNIX), { family: 'unix' }],
    ['a path', sockaddr(AF_UNIX, ...latin1('/run/a')), { family: 'unix', path: '/run/a' }],
    [
      'a path with its null',
      sockaddr(AF_UNIX, ...latin1('/run/a\0')),
      { family: 'unix', path: '/run/a' },
    ],
    [
      'a path that a null ends early',
      sockaddr(AF_UNIX, ...latin1('/a\0b\xff')),
      { family: 'unix', path: '/a' },
    ],
    [
      'a path of 108 bytes',
      sockaddr(AF_UNIX, ...latin1('/'.padEnd(108, 'p'))),
      { family: 'unix', path: '/'.padEnd(108, 'p') },
    ],
    [
      'a path in UTF-8',
      sockaddr(AF_UNIX, ...Buffer.from('/ä☃😀')),
      { family: 'unix', path: '/ä☃😀' },
    ],
    [
      'a path that begins with a byte order mark',
      sockaddr(AF_UNIX, 0xef, 0xbb, 0xbf, 97),
      { family: 'unix', path: '\ufeffa' },
    ],
    [
      'a path that is no UTF-8, with its bytes',
      sockaddr(AF_UNIX, ...latin1('/\xffa\0')),
      { family: 'unix', path: '/\ufffda', bytes: bytes(...latin1('/\xffa')) },
    ],
    [
      'an abstract name, with its bytes',
      sockaddr(AF_UNIX, ...latin1('\0name')),
      { family: 'unix', abstract: 'name', bytes: bytes(...latin1('\0name')) },
    ],
    [
      'an abstract name of nothing',
      sockaddr(AF_UNIX, 0),
      { family: 'unix', abstract: '', bytes: bytes(0) },
    ],
    [
      'an abstract name of any bytes',
      sockaddr(AF_UNIX, ...latin1('\0a\0\xff\0')),
      { family: 'unix', abstract: 'a\0\ufffd\0', bytes: bytes(...latin1('\0a\0\xff\0')) },
    ],
    [
      'netlink',
      sockaddr(AF_NETLINK, 0, 0, ...native(4711, 4), ...native(0x8000_0001, 4)),
      { family: 'netlink', pid: 4711, groups: 0x8000_0001 },
    ],
    [
      'vsock',
      sockaddr(AF_VSOCK, 0, 0, ...native(1024, 4), ...native(0xffff_ffff, 4), ...zeros(4)),
      { family: 'vsock', cid: 0xffff_ffff, port: 1024 },
    ],
    [
      'an unknown family, by its number and bytes',
      sockaddr(AF_PACKET, 1, 2, 3),
      { family: AF_PACKET, bytes: bytes(1, 2, 3) },
    ],
    ['the greatest family', sockaddr(0xffff), { family: 0xffff, bytes: bytes() }],
    ['no bytes at all', bytes(), { family: 0, bytes: bytes() }],
    ['half a family', bytes(2), { family: 0, bytes: bytes() }],
    [
      'an address with more bytes than its family has',
      sockaddr(AF_INET, ...HTTP, 1, 2, 3, 4, ...zeros(8), 9, 9),
      { family: 'inet', address: '1.2.3.4', port: 80 },
    ],
  ];
  test.for(rows)('%s', ([, raw, address]) => {
    const decoded = decodeAddress(raw);
    expect(decoded).toStrictEqual(address);
    expect(Object.isFrozen(decoded)).toBe(true);
  });

  const whole: readonly (readonly [name: string, size: number, family: number])[] = [
    ['inet', 16, AF_INET],
    ['inet6', 28, AF_INET6],
    ['netlink', 12, AF_NETLINK],
    ['vsock', 12, AF_VSOCK],
  ];
  test.for(whole)(
    'an %s address with fewer than %i bytes as one of an unknown family',
    ([name, size, family]) => {
      for (let length = 2; length < size; length++) {
        const rest = zeros(length - 2).map((_, i) => i);
        expect(decodeAddress(sockaddr(family, ...rest))).toStrictEqual({
          family,
          bytes: bytes(...rest),
        });
      }
      expect(decodeAddress(sockaddr(family, ...zeros(size - 2))).family).toBe(name);
    },
  );

  test('a part of a larger buffer, and keeps no reference to the buffer', () => {
    const buffer = bytes(9, 9, ...sockaddr(AF_UNIX, ...latin1('\0name')), 9);
    const decoded = decodeAddress(buffer.subarray(2, -1));
    buffer.fill(0);
    expect(decoded).toStrictEqual({
      family: 'unix',
      abstract: 'name',
      bytes: bytes(...latin1('\0name')),
    });
  });
});

test.for([
  ['/run/a', sockaddr(AF_UNIX, ...latin1('/run/a'))],
  ['@name', sockaddr(AF_UNIX, ...latin1('\0name'))],
  ['@', sockaddr(AF_UNIX, 0)],
  ['/@', sockaddr(AF_UNIX, ...latin1('/@'))],
  ['/ä', sockaddr(AF_UNIX, ...Buffer.from('/ä'))],
  ['@@', sockaddr(AF_UNIX, ...latin1('\0@'))],
  ['', sockaddr(AF_UNIX)],
] as const)('encodeUnixAddress(%j) makes a struct sockaddr_un', ([name, raw]) => {
  expect(encodeUnixAddress(name)).toStrictEqual(raw);
});

describe('formatAddress() formats', () => {
  const unix = (path: string): Address => ({ family: 'unix', path });
  const abstract = (name: string): Address => ({ family: 'unix', abstract: name, bytes: bytes() });
  const inet6 = (address: string, scopeId: number): Address => {
    return { family: 'inet6', address, port: 80, flowinfo: 7, scopeId };
  };
  test.for<readonly [text: string, address: Address | AddressInfo | string]>([
    ['127.0.0.1:80', { family: 'inet', address: '127.0.0.1', port: 80 }],
    ['0.0.0.0:0', { family: 'inet', address: '0.0.0.0', port: 0 }],
    ['[::1]:80', inet6('::1', 0)],
    ['[fe80::1%2]:80', inet6('fe80::1', 2)],
    ['/run/app.sock', unix('/run/app.sock')],
    ['/with space and ä☃😀', unix('/with space and ä☃😀')],
    ['@name', abstract('name')],
    ['@', abstract('')],
    ['(unnamed)', { family: 'unix' }],
    ['vsock:2:1024', { family: 'vsock', cid: 2, port: 1024 }],
    ['vsock::1024', { family: 'vsock', cid: 0xffff_ffff, port: 1024 }],
    ['netlink:0:1', { family: 'netlink', pid: 0, groups: 1 }],
    ['family 17: 0003ff', { family: 17, bytes: bytes(0, 3, 255) }],
    ['family 17: ', { family: 17, bytes: bytes() }],
    ['/a\\x0ab', unix('/a\nb')],
    ['/a\\x0db', unix('/a\rb')],
    ['/\\x1b]0;title\\x07', unix('/\u001b]0;title\u0007')],
    ['/\\x7f\\x80\\x9f', unix('/\x7f\x80\x9f')],
    ['/back\\\\slash', unix('/back\\slash')],
    ['/\\\\x0a', unix('/\\x0a')],
    ['@a\\x00b', abstract('a\0b')],
    ['/\\u{2028}\\u{2029}', unix('/\u2028\u2029')],
    ['/\\u{202e}fdp.exe', unix('/\u202efdp.exe')],
    ['/\\u{d800}', unix('/\ud800')],
    ['1\\x0a2:80', { family: 'inet', address: '1\n2', port: 80 }],
    // As Node has them.
    ['127.0.0.1:80', { family: 'IPv4', address: '127.0.0.1', port: 80 }],
    ['[::1]:80', { family: 'IPv6', address: '::1', port: 80 }],
    ['[fe80::1%eth0]:80', { family: 'IPv6', address: 'fe80::1%eth0', port: 80 }],
    ['/run/app.sock', '/run/app.sock'],
    ['/a\\x0ab', '/a\nb'],
    ['@name', '\0name'],
    ['(unnamed)', ''],
  ])('%j', ([text, address]) => {
    expect(formatAddress(address)).toBe(text);
  });

  test.for([
    [{ port: 0, host: '127.0.0.1' }],
    [{ port: 0, host: '::1' }],
    [{ path: join(temporaryFolder(), 'node.sock') }],
  ])('server.address() of a server at %j as its descriptor', async ([place]) => {
    const server = createServer().listen(place);
    await once(server, 'listening');
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const { localAddress } = inspect(fd) as SocketDescriptor;
    const ofNode = server.address() as AddressInfo | string;
    server.close();
    expect(formatAddress(ofNode)).toBe(formatAddress(localAddress));
  });

  test('every name without invisible characters and line breaks', () => {
    const all = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code)).join('');
    const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
    expect(formatAddress(unix(`/${all}`))).not.toMatch(hidden);
    expect(formatAddress(abstract(all))).not.toMatch(hidden);
  });

  test('different names as different texts', () => {
    const names = ['\n', '\\n', '\\x0a', '\\\\x0a', '\\', '\\\\', '\0', 'x0a'];
    const printed = names.flatMap((name) => [unix(name), abstract(name)]).map(formatAddress);
    expect(new Set(printed).size).toBe(printed.length);
  });

  const noAddress = [undefined, null, 1, Symbol('x'), {}, [], { family: 17 }, { family: 'IPv5' }];
  const wrongFields = [
    { family: 'inet', address: Symbol('x'), port: 1 },
    { family: 'inet', address: '::', port: '1' },
    { family: 'inet6', address: '::1', port: 1 },
    { family: 'IPv4', address: '127.0.0.1' },
    { family: 'IPv6', address: 1, port: 1 },
    { family: 'inet6', address: '::1', port: {}, scopeId: 0 },
    { family: 'unix', path: null },
    { family: 'unix', abstract: 1 },
    { family: 'netlink', pid: 1 },
    { family: 'vsock', cid: 1, port: null },
    { family: Symbol('x'), bytes: new Uint8Array() },
  ];
  test.for([...noAddress, ...wrongFields, new Uint8Array(4)])(
    'throws ERR_INVALID_ARG_TYPE for %s',
    (value) => {
      expect(() => formatAddress(value as never)).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    },
  );
});
