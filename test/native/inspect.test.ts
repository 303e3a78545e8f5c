// inspect() of every kind of descriptor, in one program that all of them were passed to.
import { inspect } from 'libsystemd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  EveryKind,
  type Kind,
  linkLocal,
  type Outcome,
  ownAddress,
} from '../support/descriptors.ts';

const every = new EveryKind();
const { folder } = every;
afterAll(() => every[Symbol.dispose]());

const port = expect.any(Number);
const own = (port: unknown) => ({ family: 'inet', address: ownAddress, port });
const localhost = { family: 'inet', address: '127.0.0.1', port };
const localhost6 = { family: 'inet6', address: '::1', port, flowinfo: 0, scopeId: 0 };
const unnamed = { family: 'unix' };
const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

function socket(
  family: string | number,
  type: string,
  protocol: number,
  localAddress: object,
  rest: object = {},
) {
  return { kind: 'socket', family, type, protocol, listening: false, localAddress, ...rest };
}

const LISTENING = { listening: true };
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMP6 = 58;
const KOBJECT_UEVENT = 15;
const AF_PACKET = 17;

/** The expected descriptors, without their fd. */
const EXPECTED: Readonly<Record<Kind, object>> = {
  tcp: socket('inet', 'stream', TCP, own(8080), LISTENING),
  'tcp backlog': socket('inet', 'stream', TCP, own(8081), LISTENING),
  tcp6: socket('inet6', 'stream', TCP, localhost6, LISTENING),
  'tcp6 link-local': socket(
    'inet6',
    'stream',
    TCP,
    { ...localhost6, address: linkLocal?.address, scopeId: linkLocal?.scopeid },
    LISTENING,
  ),
  'tcp bound': socket('inet', 'stream', TCP, own(8082)),
  'tcp connected': socket('inet', 'stream', TCP, localhost, { peerAddress: localhost }),
  udp: socket('inet', 'dgram', UDP, own(8080)),
  udp6: socket('inet6', 'dgram', UDP, localhost6),
  // The kernel chooses the local address of a connected socket by the route.
  'udp connected': socket(
    'inet',
    'dgram',
    UDP,
    { family: 'inet', address: expect.stringMatching(/^127\./), port },
    { peerAddress: own(9) },
  ),
  unix: socket('unix', 'stream', 0, { family: 'unix', path: `${folder}/stream` }, LISTENING),
  'unix backlog': socket(
    'unix',
    'stream',
    0,
    { family: 'unix', path: `${folder}/backlog` },
    LISTENING,
  ),
  'unix 108 bytes': socket(
    'unix',
    'stream',
    0,
    { family: 'unix', path: `${folder}/`.padEnd(108, 'p') },
    LISTENING,
  ),
  'unix no UTF-8': socket(
    'unix',
    'stream',
    0,
    { family: 'unix', path: `${folder}/\ufffd\ufffd`, bytes: latin1(`${folder}/\xff\xfe`) },
    LISTENING,
  ),
  'unix abstract': socket(
    'unix',
    'stream',
    0,
    { family: 'unix', abstract: folder, bytes: latin1(`\0${folder}`) },
    LISTENING,
  ),
  'unix abstract bytes': socket(
    'unix',
    'stream',
    0,
    {
      family: 'unix',
      abstract: `${folder}\0\ufffd\n`,
      bytes: latin1(`\0${folder}\0\xff\n`),
    },
    LISTENING,
  ),
  'unix dgram': socket('unix', 'dgram', 0, { family: 'unix', path: `${folder}/dgram` }),
  'unix dgram connected': socket('unix', 'dgram', 0, unnamed, {
    peerAddress: { family: 'unix', path: `${folder}/dgram` },
  }),
  'unix seqpacket': socket(
    'unix',
    'seqpacket',
    0,
    { family: 'unix', path: `${folder}/seqpacket` },
    LISTENING,
  ),
  'unix unnamed': socket('unix', 'stream', 0, unnamed),
  socketpair: socket('unix', 'stream', 0, unnamed, { peerAddress: unnamed }),
  'socketpair dgram': socket('unix', 'dgram', 0, unnamed, { peerAddress: unnamed }),
  netlink: socket(
    'netlink',
    'raw',
    KOBJECT_UEVENT,
    { family: 'netlink', pid: expect.any(Number), groups: 3 },
    // A netlink socket always has a peer: the kernel, when it was not connected to another.
    { peerAddress: { family: 'netlink', pid: 0, groups: 0 } },
  ),
  vsock: socket(
    'vsock',
    'stream',
    0,
    { family: 'vsock', cid: 0xffff_ffff, port: 0x4000_0000 + process.pid },
    LISTENING,
  ),
  packet: socket(AF_PACKET, 'dgram', 0, { family: AF_PACKET, bytes: new Uint8Array(10) }),
  // The port of a raw socket is its protocol, see raw(7).
  raw4: socket('inet', 'raw', ICMP, { family: 'inet', address: '0.0.0.0', port: ICMP }),
  raw6: socket('inet6', 'raw', ICMP6, { ...localhost6, address: '::', port: ICMP6 }),
  file: { kind: 'file', path: `${folder}/file` },
  dir: { kind: 'directory', path: folder },
  dev: { kind: 'device', path: '/dev/null' },
  fifo: { kind: 'fifo', path: `${folder}/fifo` },
  pipe: { kind: 'fifo' },
  pty: { kind: 'device', path: expect.stringMatching(/^\/dev\/pts\/\d+$/) },
  mq: { kind: 'mq', path: '/queue' },
  memfd: { kind: 'file', path: '/memfd:memory (deleted)' },
  sealed: { kind: 'file', path: '/memfd:sealed (deleted)' },
  epoll: { kind: 'other', path: 'anon_inode:[eventpoll]' },
  eventfd: { kind: 'other', path: 'anon_inode:[eventfd]' },
  inotify: { kind: 'other', path: 'anon_inode:inotify' },
  pidfd: { kind: 'other', path: 'anon_inode:[pidfd]' },
  signalfd: { kind: 'other', path: 'anon_inode:[signalfd]' },
  timerfd: { kind: 'other', path: 'anon_inode:[timerfd]' },
  dup: socket('inet', 'stream', TCP, own(8080), LISTENING),
};

const INSPECT_ALL = `
  import { readdirSync } from 'node:fs';
  const { inspect } = libsystemd;

  const frozen = (value) =>
    typeof value !== 'object' ||
    value instanceof Uint8Array ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));

  const libsystemdAgrees = ({ fd, family, localAddress }) => {
    if (family === 'unix') {
      const { path = '', bytes = path } = localAddress;
      return sd.sd_is_socket_unix(fd, 0, -1, bytes);
    }
    return (
      sd.sd_is_socket_sockaddr(fd, 0, localAddress) &&
      !sd.sd_is_socket_sockaddr(fd, 0, { ...localAddress, port: localAddress.port === 1 ? 2 : 1 })
    );
  };

  const inspectFully = (fd) => {
    const descriptor = inspect(fd);
    const named = ['inet', 'inet6', 'unix'].includes(descriptor.family);
    return {
      descriptor,
      frozen: frozen(descriptor),
      agrees: named ? libsystemdAgrees(descriptor) : undefined,
    };
  };

  // Without the descriptor of the folder that is listed.
  const isOpen = (fd) => outcome(() => sd.sd_is_fifo(fd)).error?.code !== 'EBADF';
  const open = readdirSync('/proc/self/fd').map(Number).filter(isOpen);
  result({
    inspections: passed.map((fd) => outcome(() => inspectFully(fd))),
    all: open.map((fd) => outcome(() => inspect(fd))),
    closed: [900, -1, 2 ** 31 - 1].map((fd) => outcome(() => inspect(fd))),
  });
`;

interface Inspection {
  readonly descriptor: object;
  readonly frozen: boolean;
  readonly agrees: boolean | undefined;
}

interface Found {
  readonly inspections: readonly { value: Inspection }[];
  readonly all: readonly Outcome[];
  readonly closed: readonly Outcome[];
}

let found: Found;

beforeAll(async () => {
  const passed = every.kinds.map((kind) => every.fd(kind));
  found = (await every.run(`const passed = ${JSON.stringify(passed)};${INSPECT_ALL}`)) as Found;
});

function inspectionOf(kind: Kind, ctx: { skip(reason: string): never }): Inspection {
  const reason = every.lacking.get(kind);
  if (reason !== undefined) ctx.skip(reason);
  const outcome = found.inspections[every.kinds.indexOf(kind)];
  expect(outcome).toHaveProperty('value');
  return outcome!.value;
}

describe('returns all facts, frozen and without a name', () => {
  test.for(every.kinds)('%s', (kind, ctx) => {
    const inspected = inspectionOf(kind, ctx);
    expect(inspected.descriptor).toStrictEqual({ fd: every.fd(kind), ...EXPECTED[kind] });
    expect(inspected.frozen).toBe(true);
  });
});

describe('returns an address that libsystemd accepts for the same descriptor', () => {
  const addressed = every.kinds.filter((kind) => {
    const { family } = EXPECTED[kind] as { family?: unknown };
    return family === 'inet' || family === 'inet6' || family === 'unix';
  });
  test.for(addressed)('%s', (kind, ctx) => {
    expect(inspectionOf(kind, ctx).agrees).toBe(true);
  });
});

test('throws for none of the open descriptors of a process', () => {
  expect(found.all.length).toBeGreaterThan(every.kinds.length);
  expect(found.all.filter((outcome) => 'error' in outcome)).toStrictEqual([]);
});

test('throws EBADF for a descriptor that is not open', () => {
  expect(found.closed).toStrictEqual(
    [900, -1, 2 ** 31 - 1].map((fd) => ({
      error: {
        name: 'SystemdError',
        message: `EBADF: bad file descriptor, getsockopt, fd ${fd}`,
        code: 'EBADF',
        errno: -9,
        syscall: 'getsockopt',
        fd,
      },
    })),
  );
});

test('inspects the standard streams too', () => {
  expect([0, 1, 2].map((fd) => inspect(fd).fd)).toStrictEqual([0, 1, 2]);
});
