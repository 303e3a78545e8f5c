// Services that systemd-socket-activate(1) starts at their first connection.
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sanitizers } from './sanitizers.ts';
import { type Child, type Reachable, Service } from './service.ts';
import { root } from './tools.ts';

export interface ActivateOptions {
  /**
   * The sockets: a free port of loopback, a path in a new folder, or an abstract name. Clients can connect to the
   * abstract name from Node 22 on, because older versions fill the name up to 108 bytes with null bytes.
   */
  readonly on: readonly ('tcp' | 'tcp6' | 'unix' | 'abstract')[];
  /** The fd names. Default: the program gets no LISTEN_FDNAMES. */
  readonly names?: readonly string[];
  readonly type?: 'stream' | 'datagram' | 'seqpacket';
  /** True: a process for each connection, as with Accept=yes. */
  readonly accept?: boolean;
  /** True: the connection is standard input and output, as with StandardInput=socket. */
  readonly inetd?: boolean;
  /** Variables that the program gets beside PATH, HOME, USER and TERM. */
  readonly env?: Readonly<Record<string, string>>;
  /** The working directory. Default: the repository. */
  readonly cwd?: string;
}

const PROGRAM = 'systemd-socket-activate';

/** The reason why {@link activate} can't work on this machine; undefined when it can. */
export const activateLacks: string | undefined =
  spawnSync(PROGRAM, ['--version']).error === undefined
    ? undefined
    : `${PROGRAM} was not found: it is part of the package systemd`;

/** A service behind systemd-socket-activate. */
export class Activated extends Service {
  /** The addresses in the order of `on`. */
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

/** Finds a port that was free a moment ago. */
async function findFreePort(host: string, datagram: boolean): Promise<number> {
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

async function chooseAddress(
  kind: ActivateOptions['on'][number],
  i: number,
  folder: string,
  datagram: boolean,
): Promise<Reachable> {
  if (kind === 'unix') return { path: join(folder, `${i}.sock`) };
  if (kind === 'abstract') return { path: `\0${folder}/${i}` };
  const host = kind === 'tcp6' ? '::1' : '127.0.0.1';
  return { host, port: await findFreePort(host, datagram) };
}

function listenArgument(address: Reachable): string {
  if ('path' in address) return address.path.replace('\0', '@');
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Starts systemd-socket-activate, and resolves when it listens. At the first connection it becomes the program; with
 * `accept` it starts the program for each connection.
 *
 * @param source - the source of an ES module, or a command as a list of words
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
    on.map((kind, i) => chooseAddress(kind, i, folder, type === 'datagram')),
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
  const child = spawn(PROGRAM, args, {
    cwd: options.cwd ?? root,
    detached: true, // a new process group, which also has the processes started with `accept`
    env: { ...process.env, SYSTEMD_LOG_LEVEL: 'info', SYSTEMD_LOG_TARGET: 'console' },
    stdio: ['ignore', 'pipe', 'pipe'],
  }) as Child;
  const activated = new Activated(child, addresses, folder);
  try {
    await activated.stderrMatches(new RegExp(`(Listening on [^]*){${on.length}}`));
  } catch (error) {
    await activated[Symbol.asyncDispose]();
    throw error;
  }
  return activated;
}
