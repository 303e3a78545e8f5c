// Test programs in which something fails. Each counts its open descriptors before and after.
import { expect } from 'vitest';
import { nobody } from '../activation/machine.ts';
import { type Launched, type LaunchOptions, launch, spawnLaunched } from '../support/launch.ts';
import { Service } from '../support/service.ts';
import { root } from '../support/tools.ts';

/**
 * The first lines of every test program: imports, and functions for its own lines. The package is imported from dist/whole.js,
 * because `import 'libsystemd'` opens files at the first calls.
 */
const prelude = `
  import cluster from 'node:cluster';
  import dgram from 'node:dgram';
  import { once } from 'node:events';
  import fs, { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs';
  import http from 'node:http';
  import net from 'node:net';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { Worker } from 'node:worker_threads';
  import * as libsystemd from '${root}/dist/whole.js';
  import * as sd from 'libsystemd/sd';
  const { acceptQueue, connection, fdStore, inspect, listen, listenFds, notify, peerCredentials } = libsystemd;
  const { serve, watchdog } = libsystemd;

  // The first stream of a process makes the event loop open a descriptor, which it keeps.
  process.stdout;

  const plain = (_key, value) => (typeof value === 'bigint' ? Number(value) : value);
  const say = (value) => writeSync(1, JSON.stringify(value ?? null, plain) + '\\n');
  // Blocks until the test calls resume().
  const waitForTest = () => readSync(0, Buffer.alloc(1));
  const warnings = [];
  process.on('warning', ({ code, message }) => warnings.push({ code, message }));

  const outcome = async (call) => {
    try {
      return { value: (await call()) ?? null };
    } catch ({ name, code, message, syscall, path, fd }) {
      return { error: { name, code, message, syscall, path, fd } };
    }
  };

  const linkOf = (fd) => {
    try {
      return readlinkSync('/proc/self/fd/' + fd);
    } catch {
      return undefined; // the descriptor of readdirSync(), which is closed again
    }
  };
  // True for a socket as the package keeps one from the first notification on: a Unix datagram socket
  // without an address and without a peer, which child processes do not inherit.
  const isSender = ({ fd, link }) => {
    const [, inode] = /^socket:\\[(\\d+)\\]$/.exec(link) ?? [];
    if (inode === undefined) return false;
    const [TYPE_DGRAM, UNCONNECTED, O_CLOEXEC] = ['0002', '01', 0o2000000];
    const line = new RegExp(' ' + TYPE_DGRAM + ' ' + UNCONNECTED + ' +' + inode + ' *$', 'm');
    const [, flags] = /^flags:\\s+(\\d+)$/m.exec(readFileSync('/proc/self/fdinfo/' + fd, 'utf8'));
    return line.test(readFileSync('/proc/net/unix', 'utf8')) && (parseInt(flags, 8) & O_CLOEXEC) !== 0;
  };
  const openFiles = () =>
    readdirSync('/proc/self/fd')
      .map((fd) => ({ fd: Number(fd), link: linkOf(fd) }))
      .filter(({ link }) => link)
      .map((file) => ({ ...file, isSender: isSender(file) }));
  // Finds descriptors that were opened since and are not closed a second later, and counts those that
  // are gone. One sender may be among those that were opened, if there was none before.
  const leaked = async (before) => {
    const known = new Set(before.map(({ fd, link }) => fd + link));
    const hadSender = before.some(({ isSender }) => isSender);
    for (let wait = 1; ; wait *= 2) {
      const opened = openFiles().filter(({ fd, link }) => !known.has(fd + link));
      const sender = hadSender ? undefined : opened.find(({ isSender }) => isSender);
      const left = opened.filter((file) => file !== sender);
      const gone = before.length - (openFiles().length - opened.length);
      if (left.length === 0 || wait > 1000) return { left, gone };
      await sleep(wait);
    }
  };

  // Opens descriptors until this many are free. Returns a function that closes them. The process needs a
  // low limit, or that takes long.
  const exhaust = (free = 0) => {
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
    for (const fd of taken.splice(0, free)) closeSync(fd);
    return () => taken.splice(0).forEach((fd) => closeSync(fd));
  };
`;

/** Lines that listen with a dgram socket on the passed descriptor, and return the family. */
export const binding = `
  const socket = dgram.createSocket('udp4');
  const [{ family }] = await listen(socket);
  await once(socket.close(), 'close');
  return family;`;

/** The outcome of a call: its value, or the facts of its error. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
}

/** What differs from the descriptors that were open before. */
export interface Leaks {
  /** Descriptors that are open, and were not before. */
  readonly left: readonly { readonly fd: number; readonly link: string }[];
  /** How many descriptors were open before, and are not any more. */
  readonly gone: number;
}

export const noLeaks: Leaks = { left: [], gone: 0 };

/** The outcome of a call that fails with this code, and with these facts. */
export function failure(code: string, facts: Readonly<Record<string, unknown>> = {}): unknown {
  return { error: expect.objectContaining({ code, ...facts }) };
}

export interface ProgramOptions extends LaunchOptions {
  /**
   * The descriptors to pass, in the notation of test/tools/launch.c. Default: none, and no activation.
   */
  readonly specs?: readonly string[];
  /** A command that executes Node, such as `['prlimit', '--nofile=64']`. */
  readonly through?: readonly string[];
}

/** A command that executes Node as the user nobody, without root's groups. */
export const asNobody = [
  'setpriv',
  ...[`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'],
];

/** The code of an ES module, after the prelude; or the file of a program, and its arguments. */
type Source = string | readonly string[];

function command(source: Source, through: readonly string[] = []): string[] {
  const args =
    typeof source === 'string' ? ['--input-type=module', '-e', prelude + source] : source;
  return [...through, process.execPath, ...args];
}

/** Without descriptors to pass, LISTEN_FDS is not set, because LISTEN_FDS=0 would be an error. */
function settings({ specs = [], through: _, ...options }: ProgramOptions): LaunchOptions {
  return { cwd: root, ...(specs.length === 0 && { pid: 'none', fds: 'none' }), ...options };
}

/** Runs a program to its end, and returns its lines of output. */
export async function run<Line>(source: Source, options: ProgramOptions = {}): Promise<Line[]> {
  const { specs = [], through } = options;
  const ending = await launch(specs, command(source, through), settings(options));
  if (ending.code !== 0 || ending.stdout === '') {
    throw new Error(`The program failed: ${JSON.stringify(ending)}`);
  }
  const lines = ending.stdout.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Line);
}

/** A running program that a test talks to. */
export class Program extends Service {
  readonly #child: Launched;

  constructor(source: Source, options: ProgramOptions = {}) {
    const { specs = [], through } = options;
    const child = spawnLaunched(specs, command(source, through), {
      ...settings(options),
      talk: true,
    });
    super(child);
    this.#child = child;
  }

  /** Lets the program go on after its `waitForTest()`. */
  resume(): void {
    this.#child.stdin?.write('\n');
  }
}
