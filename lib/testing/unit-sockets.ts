// How a test reaches the sockets of a unit.
import type { Socket } from 'node:net';
import { nativeSockets } from '../addon/sockets.ts';
import { resultOrThrow, systemError } from '../base/errors.ts';
import { net } from '../base/lazy-builtins.ts';
import { invalidType, invalidValue } from '../base/validate.ts';
import { closeDescriptor } from '../descriptor/calls.ts';
import { copyFd } from '../descriptor/inspect.ts';
import { socketOf } from '../descriptor/node-handles.ts';
import { SOCK_NONBLOCK } from '../descriptor/socket-flags.ts';
import { AF_UNIX, SOCK_STREAM } from '../sd/constants.ts';
import { encodeUnixAddress } from '../sd/sockaddr.ts';
import { type UnitAddress, urlOf } from './address.ts';

/** The address of the first socket with this name. */
function addressNamed(sockets: readonly UnitAddress[], name: unknown): UnitAddress {
  if (typeof name !== 'string') throw invalidType('name', 'of type string', name);
  const found = sockets.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = [...new Set(sockets.map((one) => one.name))].join(', ');
  throw invalidValue('name', `the name of a socket of the unit (${names || 'it has none'})`, name);
}

/** The URL of a TCP socket. */
export function urlTo(sockets: readonly UnitAddress[], name: string, path: string): string {
  const url = urlOf(addressNamed(sockets, name));
  if (url === undefined)
    throw invalidValue('name', 'the name of a socket of TCP, because others have no URL', name);
  if (typeof path !== 'string') throw invalidType('path', 'of type string', path);
  if (path !== '' && !path.startsWith('/'))
    throw invalidValue('path', 'a path that begins with /, because it follows the port', path);
  return url + path;
}

/** The address of a socket to which a client can connect. */
export function streamNamed(sockets: readonly UnitAddress[], name: string): UnitAddress {
  const address = addressNamed(sockets, name);
  const { kind, host, path } = address;
  if (kind === 'stream' && (host !== undefined || path !== undefined)) return address;
  throw invalidValue('name', 'the name of a stream socket of TCP or Unix', name);
}

/** Connects to an abstract name. Node 20 itself pads the name with null bytes, which makes it another one. */
function connectToAbstract(name: string): Socket {
  const type = SOCK_STREAM | SOCK_NONBLOCK;
  const fd = resultOrThrow(nativeSockets().socket(AF_UNIX, type, 0), 'socket');
  try {
    const result = nativeSockets().connect(fd, encodeUnixAddress(`@${name}`));
    if (result < 0) throw systemError(result, 'connect', { path: `\0${name}` });
    return socketOf(copyFd(fd), { readable: true, writable: true });
  } finally {
    closeDescriptor(fd);
  }
}

/** Connects to a stream socket. Rejects with the system's error, such as ECONNREFUSED. */
export async function connectTo({ host, port, path }: UnitAddress): Promise<Socket> {
  if (path?.startsWith('\0')) return connectToAbstract(path.slice(1));
  const socket = net().connect(path === undefined ? { host, port: port as number } : { path });
  return await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
