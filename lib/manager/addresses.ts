// The addresses of sockets as people write them, for the test kit and for the command line: one grammar for both.
import { isFdName } from '../base/fd-names.ts';
import {
  absolutePath,
  EXAMPLES,
  hostAndPort,
  netlink,
  noAddress,
  port,
  queueName,
  unixName,
  vsock,
} from './address-values.ts';
import type { SocketDescription } from './socket-description.ts';
import { type Place, pathIn } from './socket-folder.ts';

type SocketKind = SocketDescription['kind'];

/** What a socket unit needs to know of a socket: which `ListenX=` setting, and its value. */
export interface SocketAddress {
  readonly kind: SocketKind;
  /** As `ListenX=` has it, see {@link SocketDescription.address}. */
  readonly address: string;
}

/** An address in one word: a free port of 127.0.0.1 or ::1, or a path in a folder of the caller. */
export type ChosenAddress =
  | 'tcp'
  | 'tcp6'
  | 'udp'
  | 'udp6'
  | 'unix'
  | 'unix-dgram'
  | 'unix-seqpacket'
  | 'fifo'
  | 'abstract';

const CHOSEN: Readonly<Record<ChosenAddress, (place: Place) => SocketAddress>> = {
  tcp: () => ({ kind: 'stream', address: '127.0.0.1:0' }),
  tcp6: () => ({ kind: 'stream', address: '[::1]:0' }),
  udp: () => ({ kind: 'datagram', address: '127.0.0.1:0' }),
  udp6: () => ({ kind: 'datagram', address: '[::1]:0' }),
  unix: (place) => ({ kind: 'stream', address: pathIn(place) }),
  'unix-dgram': (place) => ({ kind: 'datagram', address: pathIn(place) }),
  'unix-seqpacket': (place) => ({ kind: 'seqpacket', address: pathIn(place) }),
  fifo: (place) => ({ kind: 'fifo', address: pathIn(place) }),
  // The folder makes the name unique, because no other process has a folder of this name.
  abstract: (place) => ({ kind: 'stream', address: `@${pathIn(place).slice(1)}` }),
};

/** The scheme before `:`, and what follows it. */
const SCHEMES: Readonly<Record<string, (rest: string, text: string) => SocketAddress>> = {
  tcp: (rest, text) => ({ kind: 'stream', address: hostAndPort(afterSlashes(rest, text), text) }),
  udp: (rest, text) => ({ kind: 'datagram', address: hostAndPort(afterSlashes(rest, text), text) }),
  unix: (rest, text) => ({ kind: 'stream', address: unixName(rest, text) }),
  'unix-dgram': (rest, text) => ({ kind: 'datagram', address: unixName(rest, text) }),
  'unix-seqpacket': (rest, text) => ({ kind: 'seqpacket', address: unixName(rest, text) }),
  fifo: (rest, text) => ({ kind: 'fifo', address: absolutePath(rest, text) }),
  special: (rest, text) => ({ kind: 'special', address: absolutePath(rest, text) }),
  mq: (rest, text) => ({ kind: 'queue', address: queueName(rest, text) }),
  netlink: (rest, text) => ({ kind: 'netlink', address: netlink(rest, text) }),
  vsock: (rest, text) => ({ kind: 'stream', address: vsock(rest, text) }),
};

/**
 * Reads an address:
 *
 * - `tcp`, `tcp6`, `udp`, `udp6`: a free port of 127.0.0.1 or ::1.
 * - `unix`, `unix-dgram`, `unix-seqpacket`, `fifo`: a path in `place`; `abstract`: an abstract name made of that path.
 * - `tcp://127.0.0.1:80`, `udp://[::1]:53`.
 * - `unix:/run/x`, `unix-dgram:/run/x`, `unix-seqpacket:/run/x`, each also with an abstract name (`unix:@x`).
 * - `fifo:/run/x`, `special:/dev/x`, `mq:/queue`, `netlink:kobject-uevent 1`.
 * - What ListenStream= takes: `127.0.0.1:80`, `[::1]:80`, `/run/x`, `@x`, `vsock:2:80`. But a bare port is one of
 *   127.0.0.1, and not of every interface.
 *
 * @throws TypeError with the code ERR_INVALID_ARG_VALUE for anything else, because a guess could open a port to
 * everybody.
 * @see systemd.socket(5)
 */
export function parseAddress(text: string, place: Place): SocketAddress {
  if (Object.hasOwn(CHOSEN, text)) return CHOSEN[text as ChosenAddress](place);
  if (text === '') throw noAddress(text, `write one such as ${EXAMPLES}`);
  if (/[\0\n]/.test(text)) throw noAddress(text, 'it contains a line break or a null byte');
  if (/^[/@]/.test(text)) return { kind: 'stream', address: unixName(text, text) };
  const [, scheme = '', rest = ''] = /^([a-z][a-z-]*):(.*)$/.exec(text) ?? [];
  if (Object.hasOwn(SCHEMES, scheme))
    return (SCHEMES[scheme] as (typeof SCHEMES)[string])(rest, text);
  if (/^\d+$/.test(text)) return { kind: 'stream', address: `127.0.0.1:${port(text, text)}` };
  return { kind: 'stream', address: hostAndPort(text, text) };
}

/** Says which of the short words an address was, so that a caller knows that it chose the port or path itself. */
export function isChosen(text: string): text is ChosenAddress {
  return Object.hasOwn(CHOSEN, text);
}

/**
 * Splits `name=address` at the first `=`. Where the text before is no fd name, or there is no `=`, all of the text is
 * the address, and the name is undefined.
 */
export function splitName(text: string): { readonly name?: string; readonly address: string } {
  const at = text.indexOf('=');
  const name = text.slice(0, at);
  return at > 0 && isFdName(name) ? { name, address: text.slice(at + 1) } : { address: text };
}

/**
 * A free address of the same kind, so that a test of a unit's own files needs neither its ports nor its paths. Netlink
 * groups, special files and addresses of virtual machines stay, because there is no other one of the same meaning.
 */
export function replaceAddress({ kind, address }: SocketAddress, place: Place): SocketAddress {
  if (kind === 'queue') return { kind, address: `/${pathIn(place).slice(1).replaceAll('/', '-')}` };
  if (kind === 'special' || kind === 'netlink' || address.startsWith('vsock:')) {
    return { kind, address };
  }
  if (address.startsWith('/')) return { kind, address: pathIn(place) };
  if (address.startsWith('@')) return { kind, address: CHOSEN.abstract(place).address };
  return { kind, address: address.startsWith('[') ? '[::1]:0' : '127.0.0.1:0' };
}

/**
 * Returns why systemd would not take this value of `ListenX=`; undefined when it would.
 *
 * @see systemd.socket(5)
 */
export function whyNotListenable({ kind, address }: SocketAddress): string | undefined {
  try {
    checkListenValue(kind, address);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function checkListenValue(kind: SocketKind, address: string): void {
  if (kind === 'fifo' || kind === 'special') absolutePath(address, address);
  else if (kind === 'queue') queueName(address, address);
  else if (kind === 'netlink') netlink(address, address);
  else if (/^[/@]/.test(address)) unixName(address, address);
  else if (kind === 'seqpacket') throw noAddress(address, 'sequential packets need a Unix socket');
  else if (address.startsWith('vsock:')) vsock(address.slice('vsock:'.length), address);
  else {
    const value = /^\d+$/.test(address) ? port(address, address) : hostAndPort(address, address);
    if (/(?:^|:)0$/.test(value)) throw noAddress(address, 'systemd needs a port from 1 to 65535');
  }
}

function afterSlashes(rest: string, text: string): string {
  if (!rest.startsWith('//')) {
    throw noAddress(
      text,
      `write ${text.slice(0, 3)}://127.0.0.1:8080, or another address and port`,
    );
  }
  return rest.slice(2).replace(/\/$/, '');
}
