import type { Socket } from 'node:net';
import {
  bootId,
  type CredentialRequest,
  credentialRequest,
  credentials,
  type DirectoryKind,
  directory,
  invocationId,
  machineId,
  peerUnit,
  type Remote,
  remote,
  startedByManager,
  unitOf,
} from 'libsystemd/environment';
import { describe, expectTypeOf, test } from 'vitest';

declare const socket: Socket;

describe('libsystemd/environment', () => {
  test('returns bytes, texts and paths', () => {
    expectTypeOf(credentials.read('tls.key')).toEqualTypeOf<Buffer>();
    expectTypeOf(credentials.text('token', { trim: false })).toEqualTypeOf<string>();
    expectTypeOf(credentials.directory).toEqualTypeOf<string | undefined>();
    expectTypeOf(directory('state', { name: 'app', fallback: '.' })).toEqualTypeOf<string>();
    expectTypeOf(startedByManager()).toEqualTypeOf<boolean>();
  });

  test('makes the caller think of what may be unknown', () => {
    expectTypeOf(machineId('5ad0e3bd')).toEqualTypeOf<string | undefined>();
    expectTypeOf(invocationId()).toEqualTypeOf<string | undefined>();
    expectTypeOf(bootId()).toEqualTypeOf<string | undefined>();
    expectTypeOf(unitOf('self')).toEqualTypeOf<string | undefined>();
    expectTypeOf(peerUnit(socket, { manager: 'user' })).toEqualTypeOf<string | undefined>();
    expectTypeOf(remote()).toEqualTypeOf<Remote | undefined>();
    expectTypeOf(credentialRequest(socket)).toEqualTypeOf<CredentialRequest | undefined>();
  });

  test('refuses what does not exist', () => {
    expectTypeOf<DirectoryKind>().not.toEqualTypeOf<string>();
    // @ts-expect-error: it is called `state`
    directory('data');
    // @ts-expect-error: the machine's own id is for nobody
    machineId();
    // @ts-expect-error: credentials are read-only
    credentials.directory = '/tmp';
    // @ts-expect-error: a pid or `self`
    unitOf('4711');
  });
});
