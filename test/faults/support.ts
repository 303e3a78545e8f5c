// Programs in which something goes wrong. They count their own descriptors, before and after.
import { expect } from 'vitest';
import { nobody } from '../activation/machine.ts';
import { type Launched, type LaunchOptions, launch, spawnLaunched } from '../support/launch.ts';
import { Service } from '../support/service.ts';
import { root } from '../support/tools.ts';

/** What every program here has before its own lines. */
const prelude = `
  import cluster from 'node:cluster';
  import dgram from 'node:dgram';
  import { once } from 'node:events';
  import fs, { closeSync, openSync, readdirSync, readlinkSync, readSync, writeSync } from 'node:fs';
  import http from 'node:http';
  import net from 'node:net';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { Worker } from 'node:worker_threads';
  import * as libsystemd from 'libsystemd';
  import * as sd from 'libsystemd/sd';
  const { acceptQueue, connection, fdStore, inspect, listen, listenFds, notify, peerCredentials } = libsystemd;
  const { serve, watchdog } = libsystemd;

  // From its first stream on the event loop keeps a descriptor of its own.
  process.stdout;

  const plain = (_key, value) => (typeof value === 'bigint' ? Number(value) : value);
  const say = (value) => writeSync(1, JSON.stringify(value ?? null, plain) + '\\n');
  // Stands still until the test says so.
  const told = () => readSync(0, Buffer.alloc(1));
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
      return undefined; // readdirSync() read from it
    }
  };
  const openFiles = () =>
    readdirSync('/proc/self/fd').map((fd) => ({ fd: Number(fd), link: linkOf(fd) })).filter(({ link }) => link);
  // What is open and was not before, once all has had a second to close.
  const leaked = async (before) => {
    const known = new Set(before.map(({ fd, link }) => fd + link));
    for (let wait = 1; ; wait *= 2) {
      const left = openFiles().filter(({ fd, link }) => !known.has(fd + link));
      const gone = before.length - (openFiles().length - left.length);
      if (left.length === 0 || wait > 1000) return { left, gone };
      await sleep(wait);
    }
  };

  // Takes all descriptors but so many, and gives what gives them back. For few there must be a limit.
  const exhaust = (left = 0) => {
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
    for (const fd of taken.splice(0, left)) closeSync(fd);
    return () => taken.splice(0).forEach((fd) => closeSync(fd));
  };
`;

/** Lines that listen by dgram on what was passed, and give its family. */
export const binding = `
  const socket = dgram.createSocket('udp4');
  const [{ family }] = await listen(socket);
  await once(socket.close(), 'close');
  return family;`;

/** What became of a call: what it gave, or the facts of its error. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
}

/** The descriptors that are there and should not be, and how many are not there and should be. */
export interface Leaks {
  readonly left: readonly { readonly fd: number; readonly link: string }[];
  readonly gone: number;
}

export const noLeaks: Leaks = { left: [], gone: 0 };

/** The outcome of a call that fails by the system. */
export function failure(code: string, facts: Readonly<Record<string, unknown>> = {}): unknown {
  return { error: expect.objectContaining({ code, ...facts }) };
}

export interface ProgramOptions extends LaunchOptions {
  /** What is passed, as test/tools/launch.c has it. Default: nothing, and no activation. */
  readonly specs?: readonly string[];
  /** A command that becomes Node: `['prlimit', '--nofile=64']`. */
  readonly through?: readonly string[];
}

/** Nobody, with no group of root's. */
export const asNobody = [
  'setpriv',
  ...[`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'],
];

/** An ES module that has the names of the prelude, or the file of a program with its arguments. */
type Source = string | readonly string[];

function command(source: Source, through: readonly string[] = []): string[] {
  const args =
    typeof source === 'string' ? ['--input-type=module', '-e', prelude + source] : source;
  return [...through, process.execPath, ...args];
}

/** Without what is passed there is no activation: LISTEN_FDS=0 would be an error. */
function settings({ specs = [], through: _, ...options }: ProgramOptions): LaunchOptions {
  return { cwd: root, ...(specs.length === 0 && { pid: 'none', fds: 'none' }), ...options };
}

/** Runs it to its end; what it says, line by line. */
export async function run<Line>(source: Source, options: ProgramOptions = {}): Promise<Line[]> {
  const { specs = [], through } = options;
  const ending = await launch(specs, command(source, through), settings(options));
  if (ending.code !== 0 || ending.stdout === '') {
    throw new Error(`The program failed: ${JSON.stringify(ending)}`);
  }
  const lines = ending.stdout.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Line);
}

/** A program that a test talks to. */
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

  /** Ends one `told()` of the program. */
  tell(): void {
    this.#child.stdin?.write('\n');
  }
}
