// A running program of programs/smoke.mjs in a runtime, started as a service manager would start it, and its clients.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import type { Address, InheritedDescriptor } from 'libsystemd';
import { spawnLaunched } from '../support/launch.ts';
import { type Datagram, type Receiver, startReceiver } from '../support/receiver.ts';
import { Service } from '../support/service.ts';
import { root } from '../support/tools.ts';
import type { Runtime } from './runtimes.ts';

/** The milliseconds of each wait. An emulated Node takes seconds to start, and a worker as long again. */
const TIMEOUT = 40_000;

const SMOKE = join(root, 'test/runtimes/programs/smoke.mjs');

/** A line of JSON that the program prints. */
export interface Line {
  readonly address?: Address & { readonly port?: number; readonly path?: string };
  readonly descriptors?: readonly InheritedDescriptor[];
  readonly refused?: string;
  readonly message?: string;
  readonly [key: string]: unknown;
}

/** The error for a program that has ended with an error. It has the code of that error. */
export class Refused extends Error {
  readonly code: string;

  constructor({ refused = '', message = '' }: Line) {
    super(message);
    this.code = refused;
  }
}

export interface SessionOptions {
  /** Further properties of the program's JSON argument. */
  readonly input?: object;
  /** The passed descriptors; test/tools/launch.c explains the specs. */
  readonly specs?: readonly string[];
  readonly names?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** True if the program gets NOTIFY_SOCKET. Default: true. */
  readonly managed?: boolean;
}

/** A running program with its service manager. */
export class Session implements AsyncDisposable {
  readonly #manager: Receiver;
  readonly #service: Service;

  constructor(service: Service, manager: Receiver) {
    this.#service = service;
    this.#manager = manager;
  }

  static async start(
    runtime: Runtime,
    program: string,
    { input = {}, specs = [], names, env, managed = true }: SessionOptions = {},
  ): Promise<Session> {
    const manager = await startReceiver();
    const command = [...runtime.command, SMOKE, program];
    const child = spawnLaunched(
      specs,
      [...command, JSON.stringify({ address: manager.address, ...input })],
      {
        cwd: root,
        env: { ...env, ...(managed && { NOTIFY_SOCKET: manager.address }) },
        ...(names !== undefined && { names }),
        ...(specs.length === 0 && { pid: 'none', fds: 'none' }),
      },
    );
    return new Session(new Service(child, false, TIMEOUT), manager);
  }

  /** Starts the program for the next connection of `server`, as systemd does with Accept=yes. */
  static async startFor(runtime: Runtime, server: Server, fd: 0 | 3): Promise<Session> {
    const [connection] = await once(server, 'connection');
    const place = fd === 0 ? '' : 'LISTEN_PID=$$ LISTEN_FDS=1';
    const redirect = fd === 0 ? '' : '3<&0 0</dev/null';
    const script = `exec env ${place} "$@" ${redirect}`;
    const manager = await startReceiver();
    const args = ['-c', script, 'sh', ...runtime.command, SMOKE, 'connection'];
    const child = spawn('sh', args, {
      cwd: root,
      stdio: [connection, 'pipe', 'pipe'],
    }) as unknown as ChildProcessByStdio<null, Readable, Readable>;
    connection.destroy();
    return new Session(new Service(child, false, TIMEOUT), manager);
  }

  get pid(): number {
    return this.#service.pid as number;
  }

  /** Waits until the manager receives this message. */
  receives(message: string): Promise<Datagram> {
    return this.#manager.until(message, TIMEOUT);
  }

  /** Reads lines up to the next one with this key. */
  async said(key: string): Promise<Line> {
    for (;;) {
      const line = await this.#service.next<Line>();
      if (line.refused !== undefined) throw new Refused(line);
      if (key in line) return line;
    }
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  ended(): ReturnType<Service['ended']> {
    return this.#service.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
    await this.#manager.close();
  }
}

/** Starts a server for {@link Session.startFor}, and connects a client. */
export async function listenAndConnect(): Promise<{ server: Server; client: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { server, client: connect(port, '127.0.0.1') };
}

export const LAST_REQUEST = 'GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n';

/** Connects to the address in a line. */
export function connectTo({
  path,
  address,
  port,
}: NonNullable<Line['address']> & { address?: string }) {
  return path === undefined ? connect(port!, address) : connect(path);
}

/** Sends a request to the address in a line. Returns the whole response as text. */
export async function request(line: Line, kind = 'http'): Promise<string> {
  const { address } = line as { address: NonNullable<Line['address']> };
  if (kind === 'http2') return await requestByHttp2(`http://127.0.0.1:${address.port}`);
  const socket =
    kind === 'https'
      ? connectTls({ port: address.port!, rejectUnauthorized: false })
      : connectTo(address);
  socket.write(LAST_REQUEST);
  return await text(socket);
}

async function requestByHttp2(url: string): Promise<string> {
  const session = connectHttp2(url);
  try {
    return await text(session.request({ ':path': '/' }));
  } finally {
    session.destroy();
  }
}
