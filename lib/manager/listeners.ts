// Opens the descriptors of a socket unit, of every kind, as the manager does: systemd.socket(5) says what each option
// is.

import { native } from '../addon/exports.ts';
import { nativeSockets } from '../addon/sockets.ts';
import { EADDRINUSE, EAFNOSUPPORT, EEXIST } from '../base/errno.ts';
import { resultOrThrow, systemError } from '../base/errors.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { closeDescriptor } from '../descriptor/calls.ts';
import * as flags from '../descriptor/socket-flags.ts';
import { SOL_SOCKET, setFlag, setOption, trySetOption } from '../descriptor/socket-flags.ts';
import {
  AF_INET,
  AF_INET6,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from '../sd/constants.ts';
import { dataView, LITTLE_ENDIAN } from '../sd/sockaddr.ts';
import { type ListenAddress, listenAddress } from './listen-address.ts';
import type { SocketDescription } from './socket-description.ts';

type Kind = SocketDescription['kind'];

/** A socket of a unit that is open. */
export interface OpenSocket {
  readonly description: SocketDescription;
  readonly fd: number;
}

/** The kinds that are sockets, with their types. */
const TYPES: Partial<Record<Kind, number>> = {
  stream: SOCK_STREAM,
  datagram: SOCK_DGRAM,
  seqpacket: SOCK_SEQPACKET,
  netlink: SOCK_RAW,
};

/** The kernel takes net.core.somaxconn instead. */
const LARGEST_BACKLOG = 2 ** 31 - 1;

const familyOf = (bytes: Uint8Array): number => dataView(bytes).getUint16(0, LITTLE_ENDIAN);

function failure(result: number, syscall: string, { name, kind, address }: SocketDescription) {
  return systemError(result, syscall, {}, `the ${kind} '${name}' at ${address}`);
}

/** Calls `use` with a descriptor, and closes the descriptor when that throws. */
function orClose(fd: number, use: () => void): number {
  try {
    use();
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Makes a folder and those above it, with this mode whatever the umask is: PID 1 has none. */
function makeFolders(folder: string, mode: number): void {
  if (fs().existsSync(folder)) return;
  makeFolders(path().dirname(folder), mode);
  fs().mkdirSync(folder, { recursive: true });
  fs().chmodSync(folder, mode);
}

function makeFolder(file: string, { directoryMode = 0o755 }: SocketDescription): void {
  makeFolders(path().dirname(file), directoryMode);
}

// ---- sockets

/** What has to be set before bind(2). */
function setAddressOptions(fd: number, family: number, socket: SocketDescription): void {
  const { bindIPv6Only = 'default', reusePort, freeBind, transparent } = socket;
  const isIPv6 = family === AF_INET6;
  if (isIPv6 && bindIPv6Only !== 'default') {
    setFlag(fd, flags.IPPROTO_IPV6, flags.IPV6_V6ONLY, bindIPv6Only === 'ipv6-only');
  }
  if (isIPv6 || family === AF_INET) {
    const level = isIPv6 ? flags.IPPROTO_IPV6 : flags.IPPROTO_IP;
    if (reusePort) setFlag(fd, SOL_SOCKET, flags.SO_REUSEPORT);
    if (freeBind) setFlag(fd, level, isIPv6 ? flags.IPV6_FREEBIND : flags.IP_FREEBIND);
    if (transparent) setFlag(fd, level, isIPv6 ? flags.IPV6_TRANSPARENT : flags.IP_TRANSPARENT);
  }
  // On every kind, Unix too, so that two sockets of UDP may have one port.
  setFlag(fd, SOL_SOCKET, flags.SO_REUSEADDR);
}

/** Sets the size of a buffer. Only a privileged user may set more than net.core.rmem_max. */
function setBuffer(fd: number, option: number, forced: number, bytes: number | undefined): void {
  if (bytes === undefined) return;
  if (trySetOption(fd, SOL_SOCKET, forced, bytes) < 0) setOption(fd, SOL_SOCKET, option, bytes);
}

function setOtherOptions(fd: number, socket: SocketDescription): void {
  if (socket.keepAlive) setFlag(fd, SOL_SOCKET, flags.SO_KEEPALIVE);
  if (socket.noDelay) setFlag(fd, flags.IPPROTO_TCP, flags.TCP_NODELAY);
  if (socket.broadcast) setFlag(fd, SOL_SOCKET, flags.SO_BROADCAST);
  if (socket.passCredentials) setFlag(fd, SOL_SOCKET, flags.SO_PASSCRED);
  setBuffer(fd, flags.SO_RCVBUF, flags.SO_RCVBUFFORCE, socket.receiveBuffer);
  setBuffer(fd, flags.SO_SNDBUF, flags.SO_SNDBUFFORCE, socket.sendBuffer);
}

/** Removes an older socket file at the path. Returns false when something else is there. */
function removeOldSocket(file: string): boolean {
  const stats = fs().lstatSync(file, { throwIfNoEntry: false });
  if (stats?.isSocket()) fs().rmSync(file, { force: true });
  return stats === undefined || stats.isSocket();
}

/** Binds, in place of an older socket file too, even of one whose server lives. */
function bind(fd: number, { bytes, path: file }: ListenAddress, socket: SocketDescription): void {
  if (file !== undefined) makeFolder(file, socket);
  let result = nativeSockets().bind(fd, bytes);
  if (result === -EADDRINUSE && file !== undefined && removeOldSocket(file)) {
    result = nativeSockets().bind(fd, bytes);
  }
  if (result < 0) throw failure(result, 'bind', socket);
  if (file !== undefined) fs().chmodSync(file, socket.mode ?? 0o666);
}

function openSocket(address: ListenAddress, type: number, socket: SocketDescription): number {
  const { bytes, protocol, withoutIPv6 } = address;
  const family = familyOf(bytes);
  const fd = nativeSockets().socket(family, type | flags.SOCK_NONBLOCK, protocol);
  if (fd === -EAFNOSUPPORT && withoutIPv6 !== undefined) {
    return openSocket({ bytes: withoutIPv6, protocol }, type, socket);
  }
  if (fd < 0) throw failure(fd, 'socket', socket);
  return orClose(fd, () => {
    setAddressOptions(fd, family, socket);
    bind(fd, address, socket);
    setOtherOptions(fd, socket);
    if (type !== SOCK_STREAM && type !== SOCK_SEQPACKET) return;
    const result = native().listen(fd, socket.backlog ?? LARGEST_BACKLOG);
    if (result < 0) throw failure(result, 'listen', socket);
  });
}

// ---- files

function openFile(socket: SocketDescription, mode: number): number {
  const { O_NONBLOCK, O_NOFOLLOW } = fs().constants;
  const fd = nativeSockets().open(socket.address, mode | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) throw failure(fd, 'open', socket);
  return fd;
}

function assertFileType(fd: number, types: readonly number[], socket: SocketDescription): void {
  const type = resultOrThrow(native().file_type(fd), 'fstat', fd);
  if (!types.includes(type)) throw failure(-EEXIST, 'open', socket);
}

/** Sets the mode whatever the umask is. */
function setMode(fd: number, mode: number): void {
  resultOrThrow(nativeSockets().fchmod(fd, mode), 'fchmod', fd);
}

/** Opens a FIFO, which is made if there is none. Both ends are open, so a reader never sees its end. */
function openFifo(socket: SocketDescription): number {
  const { address, mode = 0o666, pipeSize } = socket;
  const { O_RDWR, S_IFIFO } = fs().constants;
  makeFolder(address, socket);
  const made = nativeSockets().mkfifo(address, mode);
  if (made < 0 && made !== -EEXIST) throw failure(made, 'mkfifo', socket);
  const fd = openFile(socket, O_RDWR);
  return orClose(fd, () => {
    assertFileType(fd, [S_IFIFO], socket);
    if (made === 0) setMode(fd, mode);
    if (pipeSize === undefined) return;
    resultOrThrow(nativeSockets().set_pipe_size(fd, pipeSize), 'fcntl', fd);
  });
}

/** Opens a character device or a file of /proc or /sys. */
function openSpecial(socket: SocketDescription): number {
  const { O_RDONLY, S_IFREG, S_IFCHR } = fs().constants;
  const fd = openFile(socket, O_RDONLY);
  return orClose(fd, () => assertFileType(fd, [S_IFREG, S_IFCHR], socket));
}

/**
 * Opens a POSIX message queue, which is made if there is none. The manager takes the sizes only if both are set, too.
 */
function openQueue(socket: SocketDescription): number {
  const { address, mode = 0o666 } = socket;
  const { messageQueueMaxMessages: count = 0, messageQueueMessageSize: size = 0 } = socket;
  const { O_RDONLY, O_CREAT, O_NONBLOCK } = fs().constants;
  const { mq_open } = nativeSockets();
  const fd = mq_open(address.slice(1), O_RDONLY | O_CREAT | O_NONBLOCK, mode, count, size);
  if (fd < 0) throw failure(fd, 'mq_open', socket);
  return orClose(fd, () => setMode(fd, mode));
}

/**
 * Opens a socket, FIFO, queue or file of a socket unit, and makes it listen where its kind does. It is close-on-exec,
 * and has O_NONBLOCK as the manager's has: setNonBlocking() clears that before a service gets it. closeDescriptor()
 * closes it; a Unix path, FIFO or queue stays then.
 *
 * @throws SystemdError EADDRINUSE, EACCES and others of the system call that has failed, with the name and address in
 * the message; EADDRINUSE for a Unix socket, and EEXIST for others, also when there is another kind of file at the path
 * @throws TypeError ERR_INVALID_ARG_VALUE or RangeError ERR_OUT_OF_RANGE when the address is none
 */
export function openListener(socket: SocketDescription): number {
  const type = TYPES[socket.kind];
  if (type !== undefined) return openSocket(listenAddress(socket), type, socket);
  if (socket.kind === 'fifo') return openFifo(socket);
  if (socket.kind === 'queue') return openQueue(socket);
  return openSpecial(socket);
}

/** Removes the path of a Unix socket, a FIFO or a queue, as RemoveOnStop= does. Nothing happens where there is none. */
export function removeListener({ kind, address }: SocketDescription): void {
  if (kind === 'queue') nativeSockets().mq_unlink(address.slice(1));
  else if (kind !== 'special' && address.startsWith('/')) fs().rmSync(address, { force: true });
}
