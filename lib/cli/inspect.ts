// `libsystemd inspect`: a table of the descriptors of a process.
import { escapeUnambiguously, escapeUnprintable } from '../base/printable.ts';
import { excerpt } from '../base/validate.ts';
import { formatAddress } from '../descriptor/format.ts';
import type { SocketDescriptor } from '../descriptor/inspect.ts';
import { peerOf } from '../descriptor/predicates.ts';
import { defineCommand, UsageError } from './command.ts';
import { mainPid } from './inspect/main-pid.ts';
import {
  type InspectedDescriptor,
  type Inspection,
  inspectProcess,
  type Queue,
} from './inspect/process-descriptors.ts';
import { styled } from './output.ts';
import { type Column, tableLines } from './table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'FD', align: 'right' },
  { title: 'NAME' },
  { title: 'KIND' },
  { title: 'LOCAL', cut: true },
  { title: 'PEER', cut: true },
  { title: 'QUEUE' },
  { title: 'FLAGS' },
];

/** The usual name of a protocol of IP; absent for other numbers. */
const PROTOCOLS = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [262, 'mptcp'],
]);

function inetKind({ type, protocol }: SocketDescriptor): string {
  const name = PROTOCOLS.get(protocol) ?? `protocol ${protocol}`;
  return type === 'raw' ? `raw ${name}` : name;
}

function socketKind(socket: SocketDescriptor): string {
  const { family, type, listening } = socket;
  if (family === 'unix' && type === 'stream' && listening) return 'unix listener';
  const isInet = family === 'inet' || family === 'inet6';
  const other = `${typeof family === 'number' ? `family ${family}` : family} ${type}`;
  return `${isInet ? inetKind(socket) : other}${listening ? ' listener' : ''}`;
}

/** The kernel's word for a descriptor that is no file: `eventpoll` for `anon_inode:[eventpoll]`. */
function otherKind(path: string): string {
  return /^anon_inode:\[?([\w-]+)\]?$/.exec(path)?.[1] ?? path.replace(/:\[.*/, '');
}

function kindText(descriptor: InspectedDescriptor): string {
  if (descriptor.kind === 'socket') return socketKind(descriptor);
  const { kind, path = '' } = descriptor;
  if (kind === 'other') return escapeUnprintable(otherKind(path));
  return kind === 'fifo' && path.startsWith('pipe:') ? 'pipe' : kind;
}

function localText(descriptor: InspectedDescriptor): string {
  if (descriptor.kind === 'socket') return formatAddress(descriptor.localAddress);
  const { kind, path = '' } = descriptor;
  return kind === 'other' && path.startsWith('anon_inode:') ? '' : escapeUnambiguously(path);
}

function peerText(descriptor: InspectedDescriptor): string {
  const peer = descriptor.kind === 'socket' ? peerOf(descriptor) : undefined;
  return peer === undefined ? '' : formatAddress(peer);
}

function queueText(queue: Queue | undefined): string {
  return queue === undefined ? '' : `${queue.waiting}/${queue.limit ?? '?'}`;
}

const ACCESS = { read: 'r', write: 'w', 'read-write': 'rw' } as const;

/**
 * The flags as words. A socket is always for reading and writing, so only other descriptors show it. Nearly all
 * descriptors are close-on-exec, so the others have a word.
 */
function flagsText({ kind, flags }: InspectedDescriptor): string {
  const words = [
    kind !== 'socket' && ACCESS[flags.access],
    flags.append && 'append',
    flags.nonblock && 'nonblock',
    !flags.cloexec && 'inherit',
  ];
  return words.filter((word) => word !== false).join(' ');
}

function row(descriptor: InspectedDescriptor): string[] {
  return [
    String(descriptor.fd),
    escapeUnprintable(descriptor.name ?? ''),
    kindText(descriptor),
    localText(descriptor),
    peerText(descriptor),
    queueText(descriptor.queue),
    flagsText(descriptor),
  ];
}

/** How the sockets were inspected, as the last lines. */
function closingLines({ by, why, pid, note }: Inspection): string[] {
  const how = {
    pidfd_getfd: 'Sockets: inspected as copies of them (pidfd_getfd)',
    proc: `Sockets: from /proc/${pid}/net and sock_diag, because they can't be copied: ${why}`,
  };
  return [...(by === undefined ? [] : [how[by]]), ...(note === undefined ? [] : [note])];
}

/**
 * The descriptors of a process as lines for people: the process, a table, how the sockets were inspected.
 *
 * @param width - of the terminal; Infinity cuts nothing
 */
function inspectionLines(inspection: Inspection, width: number): string[] {
  const { pid, command, descriptors } = inspection;
  const process = `Process ${pid}: ${escapeUnprintable(command)}`;
  return [
    process.length > width ? `${process.slice(0, width - 1)}…` : process,
    ...(descriptors.length > 0
      ? tableLines(COLUMNS, descriptors.map(row), width)
      : ['It has no open descriptors.']),
    ...closingLines(inspection),
  ];
}

/** The same for JSON, with the bytes of addresses as hexadecimal digits. */
function withoutBytes(inspection: Inspection): unknown {
  return JSON.parse(
    JSON.stringify(inspection, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ),
  );
}

/** The pid of a process that was given as text. */
function toPid(text: string): number {
  const pid = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  if (pid === 0)
    throw new UsageError(`--pid ${excerpt(text)}: the number of a process is expected`);
  return pid;
}

async function chosenPid(pid: string | undefined, unit: string | undefined): Promise<number> {
  if (pid !== undefined && unit !== undefined)
    throw new UsageError('--pid and --unit name a process each: give one of them');
  if (unit !== undefined) return mainPid(unit);
  return pid === undefined ? process.pid : toPid(pid);
}

export const inspect = defineCommand({
  name: 'inspect',
  summary:
    'List the descriptors of a process: names, addresses, and the connections that wait on each socket',
  synopsis: '[--pid PID | --unit NAME]',
  examples: [
    ['npx libsystemd inspect --unit app', 'The main process of app.service'],
    ['npx libsystemd inspect --pid 4711', 'Any process of yours; by sudo those of others'],
    [
      "npx libsystemd inspect --pid 4711 --json | jq '.descriptors[] | select(.queue)'",
      'The sockets that listen, for a script',
    ],
  ],
  options: {
    pid: { type: 'string', value: 'PID', help: 'the process; default: this command itself' },
    unit: { type: 'string', value: 'NAME', help: 'the main process of this unit' },
  },
  run: async ({ values: { pid, unit } }, output) => {
    const inspection = inspectProcess(await chosenPid(pid, unit));
    if (output.isJson) output.json(withoutBytes(inspection));
    else {
      const [process, head, ...rest] = inspectionLines(inspection, output.tableWidth);
      output.print(process as string);
      output.print(styled('strong', head as string));
      for (const line of rest) output.print(line);
    }
    return 0;
  },
});
