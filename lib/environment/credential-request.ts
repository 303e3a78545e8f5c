// credentialRequest(): which credential of which unit systemd asks a server for.
import type { Socket } from 'node:net';
import { inspect } from '../descriptor/inspect.ts';
import { fdOf } from '../descriptor/node-handles.ts';
import { peerCredentials } from '../descriptor/peer-credentials.ts';
import { peerOf } from '../descriptor/predicates.ts';

/** What systemd asks for, from {@link credentialRequest}. Frozen. */
export interface CredentialRequest {
  /** The unit that starts, such as `web.service`. */
  readonly unit: string;
  /** The name of the credential: `tls.key` for `LoadCredential=tls.key:/run/secrets.sock`. */
  readonly name: string;
}

/** The abstract name that systemd's end is bound to: a random number, the unit, the credential. */
const REQUEST = /^[\da-f]+\/unit\/([^/]+)\/([^/]+)$/;

/**
 * Says for which credential systemd has connected to a server that hands credentials out: the path of
 * `LoadCredential=name:/run/secrets.sock` may be the Unix socket of a server. systemd reads until the end, and starts
 * the unit then, so answer by `socket.end(bytes)`; the unit waits meanwhile.
 *
 * Only root is believed, because any process may connect, and may call itself what it likes.
 *
 * @param socket - the connection: an open net.Socket, an object with a descriptor as its `fd`, or a descriptor's number
 * @returns a frozen object; undefined when the client is not systemd, or not of root: close the connection
 * @throws SystemdError, TypeError and RangeError as peerCredentials() of `libsystemd`
 * @see systemd.exec(5), LoadCredential=: AF_UNIX; of systemd 247
 */
export function credentialRequest(
  socket: Socket | number | { readonly fd: number },
): CredentialRequest | undefined {
  const fd = fdOf('socket', socket);
  if (peerCredentials(fd).uid !== 0) return undefined;
  const descriptor = inspect(fd);
  const peer = descriptor.kind === 'socket' ? peerOf(descriptor) : undefined;
  if (peer?.family !== 'unix' || peer.abstract === undefined) return undefined;
  const [, unit, name] = REQUEST.exec(peer.abstract) ?? [];
  return unit === undefined || name === undefined ? undefined : Object.freeze({ unit, name });
}
