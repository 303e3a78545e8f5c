// What sock_diag(7) tells of the sockets of this process's network namespace: accept queues, and the peers of Unix
// sockets.
import { readSync, writeSync } from 'node:fs';
import { nativeSockets } from '../../addon/sockets.ts';
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, SOCK_RAW } from '../../sd/constants.ts';
import { dataView, LITTLE_ENDIAN } from '../../sd/sockaddr.ts';

/** What the kernel tells of a socket. */
export interface DiagnosedSocket {
  /** Connections that wait, and that may wait; only of a socket that listens. */
  readonly queue?: { readonly waiting: number; readonly limit: number };
  /** The inode number of the Unix socket at the other end. */
  readonly peer?: number;
}

type Diagnosed = Map<number, DiagnosedSocket>;

// linux/netlink.h, linux/sock_diag.h
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST_DUMP = 0x301;
const HEADER = 16;

const TCP_LISTEN = 10;
const IPPROTO_TCP = 6;

// linux/unix_diag.h
const UDIAG_SHOW_PEER_AND_RQLEN = 0x04 | 0x10;
const UNIX_DIAG_PEER = 2;
const UNIX_DIAG_RQLEN = 4;

/** A kind of dump: how its request is made, and how a reply is read. `at` is the place of a reply's body. */
interface Dump {
  readonly size: number;
  readonly fill: (view: DataView, at: number) => void;
  readonly read: (view: DataView, at: number, end: number, sockets: Diagnosed) => void;
}

/** struct inet_diag_req_v2 and inet_diag_msg, for sockets that listen. */
const inetDump = (family: number): Dump => ({
  size: 56,
  fill: (view, at) => {
    view.setUint8(at, family);
    view.setUint8(at + 1, IPPROTO_TCP);
    view.setUint32(at + 4, 1 << TCP_LISTEN, LITTLE_ENDIAN);
  },
  read: (view, at, end, sockets) => {
    if (end < at + 72) return;
    const word = (offset: number) => view.getUint32(at + offset, LITTLE_ENDIAN);
    sockets.set(word(68), { queue: { waiting: word(56), limit: word(60) } });
  },
});

/** The attributes of a reply: struct rtattr, each filled up to a multiple of 4 bytes. */
function* attributes(view: DataView, begin: number, end: number) {
  for (let at = begin; at + 4 <= end; ) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    if (length < 4 || at + length > end) return;
    yield [view.getUint16(at + 2, LITTLE_ENDIAN), at + 4, at + length] as const;
    at += (length + 3) & ~3;
  }
}

/** struct unix_diag_req and unix_diag_msg, for all Unix sockets. */
const UNIX_DUMP: Dump = {
  size: 24,
  fill: (view, at) => {
    view.setUint8(at, AF_UNIX);
    view.setUint32(at + 4, 0xffff_ffff, LITTLE_ENDIAN);
    view.setUint32(at + 12, UDIAG_SHOW_PEER_AND_RQLEN, LITTLE_ENDIAN);
  },
  read: (view, at, end, sockets) => {
    if (end < at + 16) return;
    const word = (place: number) => view.getUint32(place, LITTLE_ENDIAN);
    const listens = view.getUint8(at + 2) === TCP_LISTEN;
    let found: DiagnosedSocket = {};
    for (const [type, from, to] of attributes(view, at + 16, end)) {
      if (type === UNIX_DIAG_PEER && to >= from + 4) found = { ...found, peer: word(from) };
      if (type === UNIX_DIAG_RQLEN && to >= from + 8 && listens)
        found = { ...found, queue: { waiting: word(from), limit: word(from + 4) } };
    }
    sockets.set(word(at + 4), found);
  },
};

function request({ size, fill }: Dump): Uint8Array {
  const bytes = new Uint8Array(HEADER + size);
  const view = dataView(bytes);
  view.setUint32(0, bytes.length, LITTLE_ENDIAN);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, LITTLE_ENDIAN);
  view.setUint16(6, NLM_F_REQUEST_DUMP, LITTLE_ENDIAN);
  fill(view, HEADER);
  return bytes;
}

/** Reads the messages of one answer. Returns false when it was the last one. */
function readAnswer(bytes: Uint8Array, { read }: Dump, sockets: Diagnosed): boolean {
  const view = dataView(bytes);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, LITTLE_ENDIAN);
    const type = view.getUint16(at + 4, LITTLE_ENDIAN);
    const isBroken = length < HEADER || at + length > bytes.length;
    if (isBroken || type === NLMSG_DONE || type === NLMSG_ERROR) return false;
    read(view, at + HEADER, at + length, sockets);
    at += (length + 3) & ~3;
  }
  return bytes.length > 0;
}

/** The kernel has each answer ready when it is asked for, so no read waits. */
function ask(netlink: number, dump: Dump, sockets: Diagnosed): void {
  writeSync(netlink, request(dump));
  const buffer = new Uint8Array(1 << 16);
  while (readAnswer(buffer.subarray(0, readSync(netlink, buffer)), dump, sockets));
}

/**
 * The sockets of this process's network namespace by their inode numbers: TCP sockets that listen, and all Unix
 * sockets. Empty where the kernel or a filter of system calls does not let this process ask.
 */
export function diagnosedSockets(): ReadonlyMap<number, DiagnosedSocket> {
  const sockets: Diagnosed = new Map();
  const { socket, close } = nativeSockets();
  const netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
  if (netlink < 0) return sockets;
  try {
    for (const dump of [inetDump(AF_INET), inetDump(AF_INET6), UNIX_DUMP])
      ask(netlink, dump, sockets);
  } catch {
    // EPERM of a filter, or a kernel without the protocol: what was read so far is true.
  } finally {
    close(netlink);
  }
  return sockets;
}
