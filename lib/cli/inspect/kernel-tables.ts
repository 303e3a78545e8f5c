// The sockets of a network namespace, from the kernel's tables in /proc/PID/net, see proc_pid_net(5), and by
// sock_diag(7). They tell less than the socket itself, and need no permission to copy it.
import { readFileSync } from 'node:fs';
import { type Address, decodeAddress } from '../../descriptor/address.ts';
import type { SocketDescriptor, SocketType } from '../../descriptor/inspect.ts';
import { AF_INET, AF_INET6, AF_UNIX } from '../../sd/constants.ts';
import { dataView, INET_SIZE, INET6_SIZE, LITTLE_ENDIAN } from '../../sd/sockaddr.ts';
import { diagnosedSockets } from './sock-diag.ts';

/** A socket without a number, with its accept queue. The tables alone do not tell the queue's limit. */
export interface ListedSocket {
  readonly socket: Omit<SocketDescriptor, 'fd'>;
  readonly queue?: { readonly waiting: number; readonly limit?: number };
}

type Entry = readonly [inode: number, listed: ListedSocket];

// TCP_LISTEN, a state, and __SO_ACCEPTCON, a flag.
const TCP_LISTEN = '0A';
const UNIX_LISTENS = 0x1_0000;

/** Text like `0100007F:1F90`: the words of an address as numbers of this machine's byte order, and the port. */
function inetAddress(text: string): Address {
  const [host = '', port = ''] = text.split(':');
  const words = Uint32Array.from(host.match(/.{8}/g) ?? [], (word) => Number.parseInt(word, 16));
  const isInet6 = words.length === 4;
  const bytes = new Uint8Array(isInet6 ? INET6_SIZE : INET_SIZE);
  dataView(bytes).setUint16(0, isInet6 ? AF_INET6 : AF_INET, LITTLE_ENDIAN);
  dataView(bytes).setUint16(2, Number.parseInt(port, 16));
  bytes.set(new Uint8Array(words.buffer), isInet6 ? 8 : 4);
  return decodeAddress(bytes);
}

/** True for the address and port that stand for no address. */
const isNowhere = (text: string): boolean => /^[0:]*$/.test(text);

/** A reader for the lines of tcp, udp and raw. The local "port" of a raw socket is its protocol. */
function inetReader(family: 'inet' | 'inet6', type: SocketType, known?: number) {
  return (line: string): Entry | undefined => {
    const [, local = '', remote = '', state, queues = '', , , , , inode] = line.trim().split(/\s+/);
    if (inode === undefined) return undefined;
    const protocol = known ?? Number.parseInt(local.split(':')[1] ?? '', 16);
    const listening = type === 'stream' && state === TCP_LISTEN;
    const localAddress = inetAddress(local);
    const socket = { kind: 'socket', family, type, protocol, listening, localAddress } as const;
    const peer = isNowhere(remote) ? {} : { peerAddress: inetAddress(remote) };
    const waiting = Number.parseInt(queues.split(':')[1] ?? '', 16);
    return [
      Number(inode),
      { socket: { ...socket, ...peer }, ...(listening && { queue: { waiting } }) },
    ];
  };
}

const UNIX_TYPES: Readonly<Record<string, SocketType>> = {
  '0001': 'stream',
  '0002': 'dgram',
  '0005': 'seqpacket',
};

/** A path, or a name that begins with @ in place of its null byte; nothing without a name. */
function unixAddress(name: string | undefined): Address {
  const text = Buffer.from((name ?? '').replace(/^@/, '\0'), 'latin1');
  const bytes = new Uint8Array(2 + text.length);
  dataView(bytes).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  bytes.set(text, 2);
  return decodeAddress(bytes);
}

function readUnix(line: string): Entry | undefined {
  const fields = /^\S+: \S+ \S+ (\S+) (\S+) \S+ +(\d+)(?: (.*))?$/.exec(line);
  const [, flags = '', type = '', inode, name] = fields ?? [];
  if (fields === null || UNIX_TYPES[type] === undefined) return undefined;
  const socket = {
    kind: 'socket',
    family: 'unix',
    type: UNIX_TYPES[type],
    protocol: 0,
    listening: (Number.parseInt(flags, 16) & UNIX_LISTENS) !== 0,
    localAddress: unixAddress(name),
  } as const;
  return [Number(inode), { socket }];
}

function readNetlink(line: string): Entry | undefined {
  const fields = line.trim().split(/\s+/);
  const [, protocol, pid, groups = ''] = fields;
  if (fields.length < 10) return undefined;
  const localAddress: Address = {
    family: 'netlink',
    pid: Number(pid),
    groups: Number.parseInt(groups, 16),
  };
  const socket = { kind: 'socket', family: 'netlink', type: 'raw', listening: false } as const;
  return [
    Number(fields.at(-1)),
    { socket: { ...socket, protocol: Number(protocol), localAddress } },
  ];
}

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;

/** What reads a line of each table. */
const TABLES: Readonly<Record<string, (line: string) => Entry | undefined>> = {
  tcp: inetReader('inet', 'stream', IPPROTO_TCP),
  tcp6: inetReader('inet6', 'stream', IPPROTO_TCP),
  udp: inetReader('inet', 'dgram', IPPROTO_UDP),
  udp6: inetReader('inet6', 'dgram', IPPROTO_UDP),
  raw: inetReader('inet', 'raw'),
  raw6: inetReader('inet6', 'raw'),
  unix: readUnix,
  netlink: readNetlink,
};

/** The lines of a table below its head, a character a byte; none when the kernel was built without the protocol. */
function linesOf(pid: number, table: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/net/${table}`, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}

/** The sockets of the network namespace that a process is in, by their inode numbers. */
export function listedSockets(pid: number): ReadonlyMap<number, ListedSocket> {
  const listed = new Map(
    Object.entries(TABLES).flatMap(([table, read]) =>
      linesOf(pid, table).flatMap((line) => {
        const entry = read(line);
        return entry === undefined ? [] : [entry];
      }),
    ),
  );
  for (const [inode, { queue, peer }] of diagnosedSockets()) {
    const found = listed.get(inode);
    if (found === undefined) continue;
    // A peer's own name is the address that getpeername(2) returns.
    const peerAddress = peer === undefined ? undefined : listed.get(peer)?.socket.localAddress;
    const socket = peerAddress === undefined ? found.socket : { ...found.socket, peerAddress };
    listed.set(inode, { ...found, socket, ...(queue !== undefined && { queue }) });
  }
  return listed;
}
