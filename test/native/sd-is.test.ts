// sd_is_*(3) of every kind of descriptor, in one program that all of them were passed to.
import { execFileSync } from 'node:child_process';
import { linkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  AF_VSOCK,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from 'libsystemd/sd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Call,
  EveryKind,
  type Kind,
  linkLocal,
  type Outcome,
  ownAddress,
} from '../support/descriptors.ts';

const every = new EveryKind();
const { folder } = every;
afterAll(() => every[Symbol.dispose]());

/** A path in the folder of the descriptors. */
const at = (name: string) => join(folder, name);

/** A number that no program of this file has open. */
const CLOSED = 900;

const EBADF = -9;
const EINVAL = -22;
const ENAMETOOLONG = -36;
const ELOOP = -40;
const ENOENT = -2;
const EPFNOSUPPORT = -96;
const ENOBUFS = -105;

const SOCK_CLOEXEC = 0o2000000;

/** The calls with wildcards that return true, for each kind of descriptor. */
const YES: Readonly<Record<Kind, readonly string[]>> = {
  tcp: ['sd_is_socket', 'sd_is_socket_inet'],
  'tcp backlog': ['sd_is_socket', 'sd_is_socket_inet'],
  tcp6: ['sd_is_socket', 'sd_is_socket_inet'],
  'tcp6 link-local': ['sd_is_socket', 'sd_is_socket_inet'],
  'tcp bound': ['sd_is_socket', 'sd_is_socket_inet'],
  'tcp connected': ['sd_is_socket', 'sd_is_socket_inet'],
  udp: ['sd_is_socket', 'sd_is_socket_inet'],
  udp6: ['sd_is_socket', 'sd_is_socket_inet'],
  'udp connected': ['sd_is_socket', 'sd_is_socket_inet'],
  unix: ['sd_is_socket', 'sd_is_socket_unix'],
  'unix backlog': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix 108 bytes': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix no UTF-8': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix abstract': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix abstract bytes': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix dgram': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix dgram connected': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix seqpacket': ['sd_is_socket', 'sd_is_socket_unix'],
  'unix unnamed': ['sd_is_socket', 'sd_is_socket_unix'],
  socketpair: ['sd_is_socket', 'sd_is_socket_unix'],
  'socketpair dgram': ['sd_is_socket', 'sd_is_socket_unix'],
  netlink: ['sd_is_socket'],
  vsock: ['sd_is_socket'],
  packet: ['sd_is_socket'],
  raw4: ['sd_is_socket', 'sd_is_socket_inet'],
  raw6: ['sd_is_socket', 'sd_is_socket_inet'],
  file: ['sd_is_special'],
  dir: [],
  dev: ['sd_is_special'],
  fifo: ['sd_is_fifo'],
  pipe: ['sd_is_fifo'],
  pty: ['sd_is_special'],
  mq: ['sd_is_mq', 'sd_is_special'],
  memfd: ['sd_is_special'],
  sealed: ['sd_is_special'],
  epoll: [],
  eventfd: [],
  inotify: [],
  pidfd: [],
  signalfd: [],
  timerfd: [],
  dup: ['sd_is_socket', 'sd_is_socket_inet'],
};

const WILDCARD = [
  'sd_is_fifo',
  'sd_is_mq',
  'sd_is_socket',
  'sd_is_socket_inet',
  'sd_is_socket_unix',
  'sd_is_special',
];

/** A boolean, or the negative errno of the error. */
type Answer = boolean | number;
type Row = readonly [name: string, kind: Kind | number, args: readonly unknown[], Answer];

const any4 = { family: 'inet', address: '0.0.0.0' };
const own4 = { family: 'inet', address: ownAddress };
const own6 = { family: 'inet6', address: '::1' };

/** A struct sockaddr with this family and this number of bytes. */
function sockaddr(family: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(new Uint8Array(Uint16Array.of(family).buffer).subarray(0, length));
  return bytes;
}

const bytes = (text: string) => Buffer.from(text, 'latin1');

const ROWS: readonly Row[] = [
  ['sd_is_fifo', 'fifo', [null], true],
  ['sd_is_fifo', 'fifo', [undefined], true],
  ['sd_is_fifo', 'fifo', [at('fifo')], true],
  ['sd_is_fifo', 'fifo', [at('./fifo')], true],
  ['sd_is_fifo', 'fifo', [at('link to fifo')], true],
  ['sd_is_fifo', 'fifo', [at('hard link to fifo')], true],
  ['sd_is_fifo', 'fifo', [at('file')], false],
  ['sd_is_fifo', 'fifo', [at('missing')], false],
  ['sd_is_fifo', 'fifo', [at('file/fifo')], false],
  ['sd_is_fifo', 'fifo', [''], false],
  ['sd_is_fifo', 'fifo', ['\ud800'], false],
  ['sd_is_fifo', 'fifo', ['f'.repeat(5000)], ENAMETOOLONG],
  ['sd_is_fifo', 'fifo', [at('loop')], ELOOP],
  ['sd_is_fifo', 'pipe', [at('fifo')], false],
  ['sd_is_fifo', 'file', [at('file')], false],
  ['sd_is_fifo', 'file', ['f'.repeat(5000)], false],
  ['sd_is_fifo', -1, [at('fifo')], EBADF],
  ['sd_is_fifo', CLOSED, [at('fifo')], EBADF],

  ['sd_is_special', 'file', [null], true],
  ['sd_is_special', 'file', [at('file')], true],
  ['sd_is_special', 'file', [at('link to file')], true],
  ['sd_is_special', 'file', [at('hard link to file')], true],
  ['sd_is_special', 'file', [at('other')], false],
  ['sd_is_special', 'file', [at('missing')], false],
  ['sd_is_special', 'file', [at('file/file')], false],
  ['sd_is_special', 'file', [folder], false],
  ['sd_is_special', 'file', ['/dev/null'], false],
  ['sd_is_special', 'file', ['f'.repeat(5000)], ENAMETOOLONG],
  ['sd_is_special', 'file', [at('loop')], ELOOP],
  ['sd_is_special', 'dev', ['/dev/null'], true],
  ['sd_is_special', 'dev', [at('link to null')], true],
  ['sd_is_special', 'dev', ['/dev/zero'], false],
  ['sd_is_special', 'dev', [at('file')], false],
  ['sd_is_special', 'dir', [folder], false],
  ['sd_is_special', 'fifo', [at('fifo')], false],
  ['sd_is_special', 'memfd', [at('file')], false],
  ['sd_is_special', -1, [at('file')], EBADF],
  ['sd_is_special', CLOSED, [null], EBADF],

  ['sd_is_socket', 'tcp', [AF_INET], true],
  ['sd_is_socket', 'tcp', [AF_INET6], false],
  ['sd_is_socket', 'tcp', [undefined, SOCK_STREAM], true],
  ['sd_is_socket', 'tcp', [AF_INET, SOCK_DGRAM], false],
  ['sd_is_socket', 'tcp', [AF_INET, SOCK_STREAM | SOCK_CLOEXEC], false],
  ['sd_is_socket', 'tcp', [AF_INET, SOCK_STREAM, 1], true],
  ['sd_is_socket', 'tcp', [AF_INET, SOCK_STREAM, 5], true],
  ['sd_is_socket', 'tcp', [AF_INET, SOCK_STREAM, 0], false],
  ['sd_is_socket', 'tcp', [AF_INET, SOCK_STREAM, -1], true],
  ['sd_is_socket', 'tcp', [AF_INET, SOCK_STREAM, -7], true],
  ['sd_is_socket', 'tcp', [0, -1], EINVAL],
  ['sd_is_socket', 'tcp', [-1], EINVAL],
  ['sd_is_socket', 'tcp6', [AF_INET6, SOCK_STREAM, 1], true],
  ['sd_is_socket', 'tcp bound', [AF_INET, SOCK_STREAM, 0], true],
  ['sd_is_socket', 'tcp bound', [AF_INET, SOCK_STREAM, 1], false],
  ['sd_is_socket', 'tcp connected', [AF_INET, SOCK_STREAM, 0], true],
  ['sd_is_socket', 'udp', [AF_INET, SOCK_DGRAM, 0], true],
  ['sd_is_socket', 'udp', [AF_INET, SOCK_DGRAM, 1], false],
  ['sd_is_socket', 'unix', [AF_UNIX, SOCK_STREAM, 1], true],
  ['sd_is_socket', 'unix dgram', [AF_UNIX, SOCK_DGRAM, 0], true],
  ['sd_is_socket', 'unix seqpacket', [AF_UNIX, SOCK_SEQPACKET, 1], true],
  ['sd_is_socket', 'netlink', [AF_NETLINK, SOCK_RAW], true],
  ['sd_is_socket', 'vsock', [AF_VSOCK, SOCK_STREAM, 1], true],
  ['sd_is_socket', 'packet', [17, SOCK_DGRAM, 0], true],
  ['sd_is_socket', 'raw4', [AF_INET, SOCK_RAW], true],
  ['sd_is_socket', 'raw6', [AF_INET6, SOCK_RAW], true],
  ['sd_is_socket', 'file', [AF_INET], false],
  ['sd_is_socket', 'file', [0, -1], EINVAL],
  ['sd_is_socket', -1, [], EBADF],
  ['sd_is_socket', CLOSED, [], EBADF],
  ['sd_is_socket', CLOSED, [0, -1], EINVAL],

  ['sd_is_socket_inet', 'tcp', [AF_INET, SOCK_STREAM, 1, 8080], true],
  ['sd_is_socket_inet', 'tcp', [0, 0, -1, 8080], true],
  ['sd_is_socket_inet', 'tcp', [0, 0, -1, 0], true],
  ['sd_is_socket_inet', 'tcp', [0, 0, -1, 8081], false],
  ['sd_is_socket_inet', 'tcp', [0, 0, -1, 65535], false],
  ['sd_is_socket_inet', 'tcp', [AF_INET6], false],
  ['sd_is_socket_inet', 'tcp', [AF_INET, SOCK_DGRAM], false],
  ['sd_is_socket_inet', 'tcp', [AF_INET, SOCK_STREAM, 0], false],
  ['sd_is_socket_inet', 'tcp', [AF_UNIX], EINVAL],
  ['sd_is_socket_inet', 'tcp', [AF_INET, -1], EINVAL],
  ['sd_is_socket_inet', 'tcp6', [AF_INET6, SOCK_STREAM, 1], true],
  ['sd_is_socket_inet', 'tcp6', [AF_INET], false],
  ['sd_is_socket_inet', 'udp', [AF_INET, SOCK_DGRAM, 0, 8080], true],
  ['sd_is_socket_inet', 'unix', [], false],
  ['sd_is_socket_inet', 'file', [AF_UNIX], EINVAL],
  ['sd_is_socket_inet', 'netlink', [], false],
  ['sd_is_socket_inet', -1, [], EBADF],
  ['sd_is_socket_inet', CLOSED, [AF_INET], EBADF],

  ['sd_is_socket_sockaddr', 'tcp', [0, own4], true],
  ['sd_is_socket_sockaddr', 'tcp', [0, { ...own4, port: 8080 }], true],
  ['sd_is_socket_sockaddr', 'tcp', [SOCK_STREAM, { ...own4, port: 8080 }, 1], true],
  ['sd_is_socket_sockaddr', 'tcp', [SOCK_STREAM, { ...own4, family: 'IPv4', port: 8080 }, 1], true],
  ['sd_is_socket_sockaddr', 'tcp', [SOCK_STREAM, { ...own4, family: AF_INET }, 1], true],
  ['sd_is_socket_sockaddr', 'tcp', [0, { ...own4, port: 8081 }], false],
  ['sd_is_socket_sockaddr', 'tcp', [SOCK_DGRAM, own4], false],
  ['sd_is_socket_sockaddr', 'tcp', [0, own4, 0], false],
  ['sd_is_socket_sockaddr', 'tcp', [0, any4], false],
  ['sd_is_socket_sockaddr', 'tcp', [0, { ...any4, port: 8080 }], false],
  ['sd_is_socket_sockaddr', 'tcp', [0, own6], false],
  ['sd_is_socket_sockaddr', 'tcp', [0, sockaddr(AF_INET, 16)], false],
  ['sd_is_socket_sockaddr', 'tcp', [0, new Uint8Array()], ENOBUFS],
  ['sd_is_socket_sockaddr', 'tcp', [0, sockaddr(AF_INET, 1)], ENOBUFS],
  ['sd_is_socket_sockaddr', 'tcp', [0, sockaddr(AF_INET, 2)], EINVAL],
  ['sd_is_socket_sockaddr', 'tcp', [0, sockaddr(AF_INET, 15)], EINVAL],
  ['sd_is_socket_sockaddr', 'tcp', [0, sockaddr(AF_INET6, 2)], false],
  ['sd_is_socket_sockaddr', 'tcp', [0, sockaddr(AF_UNIX, 16)], EPFNOSUPPORT],
  ['sd_is_socket_sockaddr', 'tcp', [-1, own4], EINVAL],
  ['sd_is_socket_sockaddr', 'tcp6', [SOCK_STREAM, own6, 1], true],
  ['sd_is_socket_sockaddr', 'tcp6', [SOCK_STREAM, { ...own6, family: 'IPv6' }, 1], true],
  ['sd_is_socket_sockaddr', 'tcp6', [0, { ...own6, address: '0:0:0:0:0:0:0:1' }], true],
  ['sd_is_socket_sockaddr', 'tcp6', [0, { ...own6, address: '::' }], false],
  ['sd_is_socket_sockaddr', 'tcp6', [0, { ...own6, flowinfo: 1 }], false],
  ['sd_is_socket_sockaddr', 'tcp6', [0, { ...own6, scopeId: 1 }], false],
  ['sd_is_socket_sockaddr', 'tcp6', [0, own4], false],
  ['sd_is_socket_sockaddr', 'tcp6', [0, sockaddr(AF_INET6, 16)], EINVAL],
  ...scopedRows(),
  ['sd_is_socket_sockaddr', 'unix', [0, own4], false],
  ['sd_is_socket_sockaddr', 'file', [0, own4], false],
  ['sd_is_socket_sockaddr', -1, [0, own4], EBADF],
  ['sd_is_socket_sockaddr', CLOSED, [0, own4], EBADF],

  ['sd_is_socket_unix', 'unix', [SOCK_STREAM, 1, at('stream')], true],
  ['sd_is_socket_unix', 'unix', [0, -1, bytes(at('stream'))], true],
  ['sd_is_socket_unix', 'unix', [0, -1, null], true],
  ['sd_is_socket_unix', 'unix', [0, -1, at('strea')], false],
  ['sd_is_socket_unix', 'unix', [0, -1, bytes(at('strea'))], false],
  ['sd_is_socket_unix', 'unix', [0, -1, at('stream2')], false],
  ['sd_is_socket_unix', 'unix', [0, -1, at('link to stream')], false],
  ['sd_is_socket_unix', 'unix', [0, -1, at('missing')], false],
  ['sd_is_socket_unix', 'unix', [0, -1, ''], false],
  ['sd_is_socket_unix', 'unix', [0, -1, new Uint8Array()], false],
  ['sd_is_socket_unix', 'unix', [0, -1, bytes(`${at('stream')}\0`)], false],
  ['sd_is_socket_unix', 'unix', [0, -1, bytes(`\0${at('stream')}`)], false],
  ['sd_is_socket_unix', 'unix', [SOCK_DGRAM], false],
  ['sd_is_socket_unix', 'unix', [SOCK_STREAM, 0], false],
  ['sd_is_socket_unix', 'unix', [-1], EINVAL],
  ['sd_is_socket_unix', 'unix 108 bytes', [SOCK_STREAM, 1, `${folder}/`.padEnd(108, 'p')], true],
  ['sd_is_socket_unix', 'unix 108 bytes', [0, -1, bytes(`${folder}/`.padEnd(108, 'p'))], true],
  ['sd_is_socket_unix', 'unix 108 bytes', [0, -1, `${folder}/`.padEnd(107, 'p')], false],
  ['sd_is_socket_unix', 'unix 108 bytes', [0, -1, `${folder}/`.padEnd(109, 'p')], false],
  ['sd_is_socket_unix', 'unix no UTF-8', [0, 1, bytes(at('\xff\xfe'))], true],
  ['sd_is_socket_unix', 'unix no UTF-8', [0, 1, at('\xff\xfe')], false],
  ['sd_is_socket_unix', 'unix abstract', [SOCK_STREAM, 1, bytes(`\0${folder}`)], true],
  ['sd_is_socket_unix', 'unix abstract', [0, -1, bytes(`@${folder}`)], false],
  ['sd_is_socket_unix', 'unix abstract', [0, -1, `@${folder}`], false],
  ['sd_is_socket_unix', 'unix abstract', [0, -1, bytes(`\0${folder}\0`)], false],
  ['sd_is_socket_unix', 'unix abstract', [0, -1, bytes(`\0${folder.slice(0, -1)}`)], false],
  ['sd_is_socket_unix', 'unix abstract', [0, -1, ''], false],
  ['sd_is_socket_unix', 'unix abstract bytes', [0, 1, bytes(`\0${folder}\0\xff\n`)], true],
  ['sd_is_socket_unix', 'unix abstract bytes', [0, 1, bytes(`\0${folder}\0\xff`)], false],
  ['sd_is_socket_unix', 'unix dgram', [SOCK_DGRAM, 0, at('dgram')], true],
  ['sd_is_socket_unix', 'unix seqpacket', [SOCK_SEQPACKET, 1, at('seqpacket')], true],
  ['sd_is_socket_unix', 'unix unnamed', [0, -1, ''], true],
  ['sd_is_socket_unix', 'unix unnamed', [0, -1, new Uint8Array()], true],
  ['sd_is_socket_unix', 'unix unnamed', [0, -1, new Uint8Array(1)], false],
  ['sd_is_socket_unix', 'unix unnamed', [0, -1, at('stream')], false],
  ['sd_is_socket_unix', 'socketpair', [SOCK_STREAM, 0, ''], true],
  ['sd_is_socket_unix', 'socketpair dgram', [SOCK_DGRAM, 0, ''], true],
  ['sd_is_socket_unix', 'tcp', [0, -1, at('stream')], false],
  ['sd_is_socket_unix', 'file', [0, -1, at('file')], false],
  ['sd_is_socket_unix', -1, [], EBADF],
  ['sd_is_socket_unix', CLOSED, [0, -1, at('stream')], EBADF],

  ['sd_is_mq', 'mq', [null], true],
  ['sd_is_mq', 'mq', ['/queue'], true],
  ['sd_is_mq', 'mq', ['/no-queue'], ENOENT],
  ['sd_is_mq', 'mq', ['queue'], EINVAL],
  ['sd_is_mq', 'mq', [''], EINVAL],
  ['sd_is_mq', 'file', ['/queue'], false],
  ['sd_is_mq', 'file', ['queue'], false],
  ['sd_is_mq', 'tcp', ['/queue'], false],
  ['sd_is_mq', -1, ['/queue'], EBADF],
  ['sd_is_mq', CLOSED, [], EBADF],
];

function scopedRows(): Row[] {
  if (linkLocal === undefined) return [];
  const { address, scopeid: scopeId } = linkLocal;
  const scoped = { family: 'inet6', address };
  return [
    ['sd_is_socket_sockaddr', 'tcp6 link-local', [0, { ...scoped, scopeId }], true],
    ['sd_is_socket_sockaddr', 'tcp6 link-local', [0, scoped], true],
    ['sd_is_socket_sockaddr', 'tcp6 link-local', [0, { ...scoped, scopeId: scopeId + 1 }], false],
  ];
}

const CODES: Readonly<Record<number, string>> = {
  [EBADF]: 'EBADF',
  [EINVAL]: 'EINVAL',
  [ENAMETOOLONG]: 'ENAMETOOLONG',
  [ELOOP]: 'ELOOP',
  [ENOENT]: 'ENOENT',
  [EPFNOSUPPORT]: 'EPFNOSUPPORT',
  [ENOBUFS]: 'ENOBUFS',
};

/** The position of the path argument. An error names the path, beside the descriptor, when the path is a string. */
const PATH_ARGUMENT: Readonly<Record<string, number>> = {
  sd_is_fifo: 0,
  sd_is_special: 0,
  sd_is_mq: 0,
  sd_is_socket_unix: 2,
};

const number = (kind: Kind | number) => (typeof kind === 'number' ? kind : every.fd(kind));

const rowCalls = ROWS.map(([name, kind, args]): Call => ['sd', name, number(kind), ...args]);
const wildcardCalls = every.kinds.flatMap((kind) =>
  WILDCARD.map((name): Call => ['sd', name, every.fd(kind)]),
);
let outcomes: Outcome[];
let wildcardOutcomes: Outcome[];

beforeAll(async () => {
  linksBesideTheDescriptors();
  const all = await every.call([...rowCalls, ...wildcardCalls]);
  outcomes = all.slice(0, rowCalls.length);
  wildcardOutcomes = all.slice(rowCalls.length);
});

/** Made before the launcher starts, because a hard link needs its target. The launcher opens these two files. */
function linksBesideTheDescriptors(): void {
  execFileSync('mkfifo', [at('fifo')]);
  for (const name of ['file', 'other']) writeFileSync(at(name), '');
  for (const name of ['fifo', 'file']) linkSync(at(name), at(`hard link to ${name}`));
  for (const name of ['fifo', 'file', 'stream']) symlinkSync(name, at(`link to ${name}`));
  symlinkSync('/dev/null', at('link to null'));
  symlinkSync('loop', at('loop'));
}

describe('with wildcards for all other arguments', () => {
  test.for(every.kinds)('%s', (kind, ctx) => {
    const reason = every.lacking.get(kind);
    if (reason !== undefined) ctx.skip(reason);
    const start = every.kinds.indexOf(kind) * WILDCARD.length;
    const answers = wildcardOutcomes.slice(start, start + WILDCARD.length);
    const yes = WILDCARD.filter((_, i) => (answers[i] as { value?: unknown }).value === true);
    expect(yes).toStrictEqual([...YES[kind]].sort());
    expect(answers.every((answer) => 'value' in answer)).toBe(true);
  });
});

const titled = ROWS.map(([name, kind, args, answer], i) => {
  const shown = [kind, ...args.map(show)].join(', ');
  return [`${name}(${shown}): ${typeof answer === 'number' ? CODES[answer] : answer}`, i] as const;
});

function show(arg: unknown): string {
  if (arg instanceof Uint8Array) return `bytes ${show(Buffer.from(arg).toString('latin1'))}`;
  if (typeof arg === 'string') return JSON.stringify(arg.replace(folder, '').slice(0, 30));
  return JSON.stringify(arg) ?? 'undefined';
}

test.for(titled)('%s', ([, i], ctx) => {
  const [name, kind, args, answer] = ROWS[i]!;
  const reason = every.lacking.get(kind as Kind);
  if (reason !== undefined) ctx.skip(reason);
  if (typeof answer === 'boolean') {
    expect(outcomes[i]).toStrictEqual({ value: answer });
    return;
  }
  const path = args[PATH_ARGUMENT[name] ?? -1];
  expect(outcomes[i]).toStrictEqual({
    error: {
      name: 'SystemdError',
      message: expect.stringContaining(`, ${name}, fd ${number(kind)}`),
      code: CODES[answer],
      errno: answer,
      syscall: name,
      fd: number(kind),
      ...(typeof path === 'string' && { path }),
    },
  });
});
