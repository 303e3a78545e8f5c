// Finds the kind of a server: server of connections, socket of dgram, or server of libsystemd/unix.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { SystemdError } from '../../base/errors.ts';
import { formatDescriptor } from '../../descriptor/format.ts';
import type { Descriptor } from '../../descriptor/inspect.ts';
import { isDgramSocket } from '../../descriptor/node-handles.ts';
import { type UnixServer, unixServerParts } from '../../descriptor/unix-server.ts';
import { kindOfSocket } from './dgram.ts';
import type { ServerKind } from './kind.ts';
import { isServer, NET } from './net.ts';
import { kindOfUnixServer } from './unix.ts';

export type { ServerKind } from './kind.ts';

/** A server of any kind. */
export type AnyServer = Server | DgramSocket | UnixServer;

/** The kind of a server; undefined for a value that is no server. */
export function kindOf(value: unknown): ServerKind | undefined {
  const parts = unixServerParts(value);
  if (parts !== undefined) return kindOfUnixServer(parts) as ServerKind;
  // Before the others, because isServer() may load node:http.
  if (isDgramSocket(value)) return kindOfSocket(value) as ServerKind;
  return isServer(value) ? (NET as ServerKind) : undefined;
}

/** Throws ERR_SYSTEMD_FD_KIND unless a server of this kind can listen on the descriptor. */
export function assertSuits(kind: ServerKind, descriptor: Descriptor): void {
  if (kind.suits(descriptor)) return;
  const message = `Expected ${kind.expected}, and got ${formatDescriptor(descriptor)}`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: descriptor.fd });
}
