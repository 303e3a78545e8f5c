// Which kind a server is of.
import type { Socket as DgramSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { isDgramSocket } from '../../descriptor/node-handles.ts';
import { kindOfSocket } from './dgram.ts';
import type { ServerKind } from './kind.ts';
import { isServer, NET } from './net.ts';

export type { Opening, ServerKind } from './kind.ts';

/** A server of any kind. */
export type AnyServer = Server | DgramSocket;

/** undefined for what is no server. */
export function kindOf(value: unknown): ServerKind | undefined {
  if (isServer(value)) return NET as ServerKind;
  return isDgramSocket(value) ? (kindOfSocket(value) as ServerKind) : undefined;
}
