// Every kind of a socket unit, opened as the manager opens it.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { native } from '../../lib/addon/exports.ts';
import { acceptQueue } from '../../lib/descriptor/accept-queue.ts';
import { closeDescriptor } from '../../lib/descriptor/calls.ts';
import { inspect } from '../../lib/descriptor/inspect.ts';
import { openListener, removeListener } from '../../lib/manager/listeners.ts';
import type { SocketDescription } from '../../lib/manager/socket-description.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const QUEUE = { name: 'a', kind: 'queue', address: `/libsystemd-${process.pid}` } as const;
const opened: number[] = [];
afterAll(() => opened.forEach(closeDescriptor));
afterAll(() => removeListener(QUEUE));

function open(socket: Omit<SocketDescription, 'name'>): number {
  const fd = openListener({ name: 'a', ...socket });
  opened.push(fd);
  return fd;
}

/** The flags of an open file, by /proc/PID/fdinfo, as open(2) has them. */
function flagsOf(fd: number): number {
  const [, flags = ''] =
    /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  return Number.parseInt(flags, 8);
}

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const any = (port: number) => ({ family: 'inet6', address: '::', port, flowinfo: 0, scopeId: 0 });
const loopback6 = { family: 'inet6', address: '::1', flowinfo: 0, scopeId: 0 };
const port = expect.any(Number);

describe.each([
  ['stream', '127.0.0.1:0', { localAddress: { family: 'inet', address: '127.0.0.1', port } }],
  ['stream', '[::1]:0', { localAddress: { ...loopback6, port } }],
  ['stream', '0', { localAddress: any(port) }],
  ['stream', `${folder}/stream`, { localAddress: { family: 'unix', path: `${folder}/stream` } }],
  ['stream', `@${folder}`, { localAddress: { family: 'unix', abstract: folder } }],
  ['datagram', '127.0.0.1:0', { type: 'dgram', listening: false }],
  ['datagram', '[::1]:0', { type: 'dgram', family: 'inet6' }],
  ['datagram', `${folder}/dgram`, { type: 'dgram', family: 'unix' }],
  ['seqpacket', `${folder}/seqpacket`, { type: 'seqpacket', listening: true }],
  ['netlink', 'kobject-uevent 1', { family: 'netlink', protocol: 15, localAddress: { groups: 1 } }],
  ['netlink', 'route', { family: 'netlink', protocol: 0, localAddress: { groups: 0 } }],
  ['fifo', `${folder}/new/fifo`, { kind: 'fifo', path: `${folder}/new/fifo` }],
  ['queue', QUEUE.address, { kind: 'mq' }],
  ['special', '/dev/zero', { kind: 'device', path: '/dev/zero' }],
  ['special', '/proc/self/mountinfo', { kind: 'file' }],
] as const)('a %s at %s', (kind, address, expected) => {
  const fd = open({ kind, address });

  test('is what its unit says', () => {
    const isListening = kind === 'stream' ? { type: 'stream', listening: true } : {};
    expect(inspect(fd)).toMatchObject({ ...isListening, ...expected });
  });

  test('is close-on-exec and does not block', () => {
    expect(flagsOf(fd) & (O_NONBLOCK | O_CLOEXEC)).toBe(O_NONBLOCK | O_CLOEXEC);
  });
});

// Levels and options of socket(7), ip(7), ipv6(7) and tcp(7).
const [SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6] = [1, 0, 6, 41];
const V6 = { kind: 'stream', address: '[::1]:0' } as const;
// Not ::1, because a socket that is bound to one address of IPv6 takes no IPv4 anyway.
const ANY = { kind: 'stream', address: '[::]:0' } as const;
const V4 = { kind: 'stream', address: '127.0.0.1:0' } as const;
const UNIX = { kind: 'datagram', address: `@${folder}/options` } as const;

test.each([
  ['SO_REUSEADDR of TCP, always', V4, SOL_SOCKET, 2, 1],
  ['SO_REUSEADDR of Unix, always', UNIX, SOL_SOCKET, 2, 1],
  ['SO_KEEPALIVE', V4, SOL_SOCKET, 9, 0],
  ['SO_KEEPALIVE', { ...V4, keepAlive: true }, SOL_SOCKET, 9, 1],
  ['TCP_NODELAY', V4, IPPROTO_TCP, 1, 0],
  ['TCP_NODELAY', { ...V4, noDelay: true }, IPPROTO_TCP, 1, 1],
  ['SO_REUSEPORT', V4, SOL_SOCKET, 15, 0],
  ['SO_REUSEPORT', { ...V4, reusePort: true }, SOL_SOCKET, 15, 1],
  ['IP_FREEBIND', { ...V4, address: '192.0.2.1:0', freeBind: true }, IPPROTO_IP, 15, 1],
  ['IPV6_FREEBIND', { ...V6, address: '[2001:db8::1]:0', freeBind: true }, IPPROTO_IPV6, 78, 1],
  ['IP_TRANSPARENT', { ...V4, transparent: true }, IPPROTO_IP, 19, 1],
  ['IPV6_V6ONLY, by default', ANY, IPPROTO_IPV6, 26, 0],
  ['IPV6_V6ONLY', { ...ANY, bindIPv6Only: 'both' }, IPPROTO_IPV6, 26, 0],
  ['IPV6_V6ONLY', { ...ANY, bindIPv6Only: 'ipv6-only' }, IPPROTO_IPV6, 26, 1],
  ['SO_BROADCAST', { ...V4, kind: 'datagram', broadcast: true }, SOL_SOCKET, 6, 1],
  ['SO_PASSCRED', { ...UNIX, address: `${UNIX.address}2` }, SOL_SOCKET, 16, 0],
  [
    'SO_PASSCRED',
    { ...UNIX, address: `${UNIX.address}3`, passCredentials: true },
    SOL_SOCKET,
    16,
    1,
  ],
  // The kernel doubles the number for its own bookkeeping.
  ['SO_RCVBUF', { ...V4, receiveBuffer: 50_000_000 }, SOL_SOCKET, 8, 100_000_000],
  ['SO_SNDBUF', { ...V4, sendBuffer: 40_000 }, SOL_SOCKET, 7, 80_000],
] as const)('%s of %j', (_option, socket, level, option, expected) => {
  expect(native().getsockopt(open(socket), level, option)).toBe(expected);
});

test('the backlog is that of the unit, and else as long as the kernel lets it', () => {
  const somaxconn = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  expect(acceptQueue(open({ ...V4, backlog: 7 }))?.limit).toBe(7);
  expect(acceptQueue(open(V4))?.limit).toBe(somaxconn);
});

describe('paths', () => {
  const modeOf = (path: string) => statSync(path).mode & 0o7777;
  const umask = process.umask();

  test.each([
    ['stream', undefined, 0o666],
    ['datagram', 0o600, 0o600],
    ['fifo', undefined, 0o666],
    ['fifo', 0o620, 0o620],
  ] as const)(
    'a %s of SocketMode=%s has the mode %s, whatever the umask',
    (kind, mode, expected) => {
      const path = join(folder, `mode-${kind}-${mode}`);
      process.umask(0o077);
      open({ kind, address: path, ...(mode !== undefined && { mode }) });
      process.umask(umask);
      expect(modeOf(path)).toBe(expected);
    },
  );

  test('folders are made, with DirectoryMode=', () => {
    open({ kind: 'stream', address: `${folder}/one/two/socket` });
    expect([modeOf(`${folder}/one`), modeOf(`${folder}/one/two`)]).toEqual([0o755, 0o755]);
    open({ kind: 'stream', address: `${folder}/private/socket`, directoryMode: 0o700 });
    expect(modeOf(`${folder}/private`)).toBe(0o700);
  });

  test('an older socket at the path is replaced, although its server lives', async () => {
    const path = join(folder, 'taken');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const fd = open({ kind: 'stream', address: path });
    const client = connect(path);
    await once(client, 'connect');
    expect(acceptQueue(fd)?.waiting).toBe(1);
    client.destroy();
    server.close();
  });

  test('a FIFO that exists is opened, both its ends', () => {
    const path = join(folder, 'old-fifo');
    execFileSync('mkfifo', ['-m', '600', path]);
    const fd = open({ kind: 'fifo', address: path, pipeSize: 8192 });
    writeFileSync(path, 'x'); // does not wait for a reader
    expect(inspect(fd)).toMatchObject({ kind: 'fifo', path });
    expect(modeOf(path)).toBe(0o600);
  });

  test.each(['stream', 'fifo', 'queue'] as const)(
    'removeListener() removes that of a %s',
    (kind) => {
      const address =
        kind === 'queue' ? `/libsystemd-removed-${process.pid}` : `${folder}/rm-${kind}`;
      open({ kind, address });
      removeListener({ name: 'a', kind, address });
      removeListener({ name: 'a', kind, address });
      if (kind !== 'queue') expect(existsSync(address)).toBe(false);
      else open({ kind, address, messageQueueMaxMessages: 3, messageQueueMessageSize: 10 });
      removeListener({ name: 'a', kind, address });
    },
  );
});

describe('errors', () => {
  const busy = open(V4);
  const { localAddress } = inspect(busy) as { localAddress: { port: number } };
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'file'), '');

  test.each([
    ['EADDRINUSE', { ...V4, address: `127.0.0.1:${localAddress.port}` }, 'bind'],
    ['EADDRINUSE', { kind: 'stream', address: join(folder, 'file') }, 'bind'],
    ['EADDRINUSE', { kind: 'datagram', address: join(folder, 'folder') }, 'bind'],
    ['EADDRNOTAVAIL', { ...V4, address: '192.0.2.1:0' }, 'bind'],
    ['EEXIST', { kind: 'fifo', address: join(folder, 'file') }, 'open'],
    ['EEXIST', { kind: 'special', address: folder }, 'open'],
    ['ENOENT', { kind: 'special', address: join(folder, 'none') }, 'open'],
    ['EPROTONOSUPPORT', { kind: 'netlink', address: '200' }, 'socket'],
  ] as const)('%s of %j', (code, socket, syscall) => {
    const text = `the ${socket.kind} 'a' at ${socket.address}`;
    expect(() => open(socket)).toThrow(
      expect.objectContaining({ code, syscall, message: expect.stringContaining(text) }),
    );
  });

  test.each([
    ['ERR_INVALID_ARG_VALUE', 'stream', 'localhost:80'],
    ['ERR_INVALID_ARG_VALUE', 'stream', '999.0.0.1:80'],
    ['ERR_OUT_OF_RANGE', 'stream', '127.0.0.1:65536'],
    ['ERR_OUT_OF_RANGE', 'stream', '70000'],
    ['ERR_INVALID_ARG_VALUE', 'stream', `/${'x'.repeat(107)}`],
    ['ERR_OUT_OF_RANGE', 'netlink', 'no-such-family 1'],
  ] as const)('%s of a %s at %s', (code, kind, address) => {
    expect(() => open({ kind, address })).toThrow(expect.objectContaining({ code }));
  });
});
