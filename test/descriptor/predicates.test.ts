// looksTheSame(): whether a number still is the descriptor that was passed.
import type { Descriptor } from 'libsystemd';
import { expect, test } from 'vitest';
import { formatKind } from '../../lib/descriptor/format.ts';
import { looksTheSame } from '../../lib/descriptor/predicates.ts';

const inet = { family: 'inet', address: '127.0.0.1', port: 80 } as const;
const inet6 = { family: 'inet6', address: 'fe80::1', port: 80, flowinfo: 0, scopeId: 2 } as const;
const unnamed = { family: 'unix' } as const;
const socket = (localAddress: object, more: object = {}) =>
  ({
    fd: 3,
    kind: 'socket',
    family: (localAddress as { family: unknown }).family,
    type: 'stream',
    protocol: 0,
    listening: true,
    localAddress,
    ...more,
  }) as Descriptor;
const connected = (localAddress: object, peerAddress: object) =>
  socket(localAddress, { listening: false, peerAddress });

/** Each differs from all others in what people see of it. */
const DIFFERENT: readonly Descriptor[] = [
  socket(inet),
  socket({ ...inet, port: 81 }),
  socket({ ...inet, address: '127.0.0.2' }),
  socket(inet, { listening: false }),
  socket(inet, { type: 'dgram', listening: false }),
  socket(inet6),
  socket({ ...inet6, address: 'fe80::2' }),
  socket({ ...inet6, port: 81 }),
  socket({ ...inet6, scopeId: 3 }),
  socket(unnamed),
  socket({ family: 'unix', path: '/a' }),
  socket({ family: 'unix', path: '/b' }),
  socket({ family: 'unix', abstract: 'a', bytes: Uint8Array.of(0, 97) }),
  socket({ family: 'unix', abstract: 'b', bytes: Uint8Array.of(0, 98) }),
  socket({ family: 'vsock', cid: 1, port: 1 }),
  socket({ family: 'vsock', cid: 1, port: 2 }),
  socket({ family: 'vsock', cid: 2, port: 1 }),
  socket({ family: 'netlink', pid: 1, groups: 1 }),
  socket({ family: 'netlink', pid: 1, groups: 2 }),
  socket({ family: 'netlink', pid: 2, groups: 1 }),
  socket({ family: 17, bytes: Uint8Array.of(1) }),
  socket({ family: 17, bytes: Uint8Array.of(2) }),
  socket({ family: 17, bytes: Uint8Array.of(1, 0) }),
  socket({ family: 38, bytes: Uint8Array.of(1) }),
  connected(inet, { ...inet, port: 1 }),
  connected(inet, { ...inet, port: 2 }),
  connected(unnamed, unnamed),
  { fd: 3, kind: 'fifo' },
  { fd: 3, kind: 'fifo', path: '/a' },
  { fd: 3, kind: 'fifo', path: '/b' },
  { fd: 3, kind: 'file', path: '/a' },
  { fd: 3, kind: 'mq', path: '/a' },
  { fd: 3, kind: 'other', path: 'anon_inode:[eventpoll]' },
];

test('is true for descriptors that people see the same text of, and false for all others', () => {
  for (const a of DIFFERENT) {
    for (const b of DIFFERENT) {
      expect(looksTheSame(a, structuredClone(b)), `${formatKind(a)}, ${formatKind(b)}`).toBe(
        a === b,
      );
      expect(formatKind(a) === formatKind(b)).toBe(a === b);
    }
  }
});

test.each([
  ['number and name', { ...socket(inet), fd: 4, name: 'web' }, socket(inet)],
  ['flowinfo', socket({ ...inet6, flowinfo: 7 }), socket(inet6)],
  ['local address of a connection', connected({ ...inet, port: 9 }, inet), connected(inet, inet)],
])('does not compare the %s', (_what, a, b) => {
  expect(looksTheSame(a as Descriptor, b as Descriptor)).toBe(true);
  expect(formatKind(a as Descriptor)).toBe(formatKind(b as Descriptor));
});
