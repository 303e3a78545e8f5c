// Programs that run on while a test talks to them, and say what they do in lines of JSON on stdout:
// any child process, and one behind systemd-socket-activate(1).
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { sanitizers } from './sanitizers.ts';
import { root } from './tools.ts';

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

/** What `promise` gives, or within so many milliseconds an error that says what was waited for. */
async function within<T>(
  promise: Promise<T>,
  milliseconds: number,
  complaint: () => string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A child process that a test talks to. Disposing of it kills it. */
export class Service implements AsyncDisposable {
  readonly #child: Child;
  readonly #ownGroup: boolean;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  readonly #patience: number;
  #stderr = '';

  /**
   * @param ownGroup - whether it leads a process group, which then is killed whole
   * @param patience - milliseconds for everything that is waited for
   */
  constructor(child: Child, ownGroup = false, patience = 10_000) {
    this.#child = child;
    this.#ownGroup = ownGroup;
    this.#patience = patience;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#closed = once(child, 'close');
    // Who asks gets the rejection; a program that was not found is no unhandled one meanwhile.
    this.#closed.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it wrote to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  #within<T>(promise: Promise<T>, complaint: string): Promise<T> {
    const message = () => `${complaint} within ${this.#patience} ms: ${this.#stderr}`;
    return within(promise, this.#patience, message);
  }

  /** What it says next; rejects when it ends instead, or takes too long. */
  async next<T>(): Promise<T> {
    const line = await this.#within(this.#lines.next(), 'Said nothing');
    if (line.done) {
      const { code, signal } = await this.ended();
      throw new Error(`Ended with ${signal ?? code}, and without a line: ${this.#stderr}`);
    }
    return JSON.parse(line.value) as T;
  }

  /** Waits until something on stderr matches. */
  async told(pattern: RegExp): Promise<void> {
    const matched = new Promise<void>((resolve, reject) => {
      const look = () => {
        if (pattern.test(this.#stderr)) resolve();
      };
      this.#child.stderr.on('data', look);
      this.#closed.then(() => reject(new Error(`Ended: ${this.#stderr}`)), reject);
      look();
    });
    await this.#within(matched, `Nothing like ${pattern}`);
  }

  /** Waits for its end. */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    await this.#within(this.#closed, 'Did not end');
    return { code: this.#child.exitCode, signal: this.#child.signalCode };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(this.#ownGroup ? -pid : pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await this.#closed;
  }
}

export interface ActivateOptions {
  /**
   * What to listen on: a free port of loopback, a path in a folder of its own, or an abstract name,
   * which clients reach from Node 22 on (before, they fill it up with nulls to 108 bytes).
   */
  readonly on: readonly ('tcp' | 'tcp6' | 'unix' | 'abstract')[];
  /** Their names; without, the program is told none. */
  readonly names?: readonly string[];
  readonly type?: 'stream' | 'datagram' | 'seqpacket';
  /** A process for each connection, as with Accept=yes. */
  readonly accept?: boolean;
  /** The connection as standard input and output, as with StandardInput=socket. */
  readonly inetd?: boolean;
  /** Variables beside PATH, HOME, USER and TERM, which are all the program gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs; default: the repository. */
  readonly cwd?: string;
}

/** Where to reach an activated program: what net.connect() takes. */
export type Reachable =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

const program = 'systemd-socket-activate';

/** Why {@link activate} can't work here; undefined where it can. */
export const activateLacks: string | undefined =
  spawnSync(program, ['--version']).error === undefined
    ? undefined
    : `${program} was not found: it is part of the package systemd`;

export class Activated extends Service {
  /** In the order of `on`. */
  readonly addresses: readonly Reachable[];
  readonly #folder: string;

  constructor(child: Child, addresses: readonly Reachable[], folder: string) {
    super(child, true);
    this.addresses = addresses;
    this.#folder = folder;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nothing had a moment ago. */
async function freePort(host: string, datagram: boolean): Promise<number> {
  if (datagram) {
    const socket = createSocket(host === '::1' ? 'udp6' : 'udp4').bind(0, host);
    await once(socket, 'listening');
    const { port } = socket.address();
    await once(socket.close(), 'close');
    return port;
  }
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await once(server.close(), 'close');
  return port;
}

async function reachable(
  kind: ActivateOptions['on'][number],
  i: number,
  folder: string,
  datagram: boolean,
): Promise<Reachable> {
  if (kind === 'unix') return { path: join(folder, `${i}.sock`) };
  if (kind === 'abstract') return { path: `\0${folder}/${i}` };
  const host = kind === 'tcp6' ? '::1' : '127.0.0.1';
  return { host, port: await freePort(host, datagram) };
}

function listenArgument(address: Reachable): string {
  if ('path' in address) return address.path.replace('\0', '@');
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Listens by systemd-socket-activate, which becomes Node running the ES module `source` when the
 * first client comes (or starts one for each, with `accept`); or the command `source`, a list of its
 * words. Resolves when it listens.
 */
export async function activate(
  source: string | readonly string[],
  options: ActivateOptions,
): Promise<Activated> {
  if (activateLacks !== undefined) throw new Error(activateLacks);
  const { on, names, type = 'stream', accept = false, inetd = false, env = {} } = options;
  const evaluated = [process.execPath, '--input-type=module', '-e'];
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  const addresses = await Promise.all(
    on.map((kind, i) => reachable(kind, i, folder, type === 'datagram')),
  );
  const args = [
    ...addresses.flatMap((address) => ['-l', listenArgument(address)]),
    ...(names === undefined ? [] : [`--fdname=${names.join(':')}`]),
    ...(type === 'stream' ? [] : [`--${type}`]),
    ...(accept ? ['--accept'] : []),
    ...(inetd ? ['--inetd'] : []),
    ...Object.entries({ ...sanitizers, ...env }).flatMap(([name, value]) => [
      '-E',
      `${name}=${value}`,
    ]),
    ...(typeof source === 'string' ? [...evaluated, source] : source),
  ];
  const child = spawn(program, args, {
    cwd: options.cwd ?? root,
    detached: true, // a group of its own, for the processes that it starts with `accept`
    env: { ...process.env, SYSTEMD_LOG_LEVEL: 'info', SYSTEMD_LOG_TARGET: 'console' },
    stdio: ['ignore', 'pipe', 'pipe'],
  }) as Child;
  const activated = new Activated(child, addresses, folder);
  try {
    await activated.told(new RegExp(`(Listening on [^]*){${on.length}}`));
  } catch (error) {
    await activated[Symbol.asyncDispose]();
    throw error;
  }
  return activated;
}
