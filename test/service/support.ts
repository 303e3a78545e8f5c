// Starts a service in a child process, as systemd would, with a stand-in manager that records its notifications.
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from 'libsystemd';
import { type LaunchOptions, spawnLaunched } from '../support/launch.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type Reachable, Service } from '../support/service.ts';
import { root } from '../support/tools.ts';
import { endAtFirstHang } from './first-hang.ts';

endAtFirstHang();

/** The lines before the source of every module that {@link startService} starts. */
const prelude = `
  import { createSocket } from 'node:dgram';
  import { readFileSync } from 'node:fs';
  import http from 'node:http';
  import http2 from 'node:http2';
  import https from 'node:https';
  import net from 'node:net';
  import tls from 'node:tls';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { serve } from 'libsystemd';

  const say = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
  const hook = (name) => (reason) => say({ hook: name, reason });
  process.on('warning', ({ code, message }) => say({ warning: code, message }));
  process.on('exit', (code) => say({ exit: code }));

  // Calls serve(), and prints a line when the service serves and another one when it has stopped.
  const run = async (server, options) => {
    const service = await serve(server, options);
    const { activated, addresses } = service;
    say({ activated, addresses });
    service.stopped.then((stopped) => say({ stopped }), ({ message }) => say({ failed: message }));
    return service;
  };

  // Answers /NUMBER after that many milliseconds, /stream with two halves and a pause between them, and
  // /large with 8 MB at once.
  const answer = async (request, response) => {
    say({ request: request.url });
    if (request.url === '/large') return response.end('x'.repeat(8_000_000) + 'done');
    if (request.url === '/stream') response.write('first half, ');
    await sleep(request.url === '/stream' ? 400 : Number(request.url.slice(1)));
    response.end('done');
  };
`;

/** A line of JSON that the service prints: one of {@link prelude}'s, or one of the test's own. */
export interface Line {
  readonly activated?: boolean;
  readonly addresses?: readonly Address[];
  readonly hook?: string;
  readonly reason?: string;
  readonly request?: string;
  readonly stopped?: string;
  readonly failed?: string;
  readonly warning?: string;
  readonly message?: string;
  readonly exit?: number;
  readonly [key: string]: unknown;
}

export interface StartOptions extends LaunchOptions {
  /** The descriptors to pass, as test/tools/launch.c reads them. Default: one TCP listener. */
  readonly specs?: readonly string[];
}

/** The sockets of a process, and their states, by ss(8). */
function socketsOf(pid: number): string {
  const { stdout, error } = spawnSync('ss', ['-Htuxanp'], { encoding: 'utf8' });
  if (error) return `unknown (${error.message})`;
  const lines = stdout.split('\n').filter((line) => line.includes(`pid=${pid},`));
  return lines.map((line) => line.replace(/\s+/g, ' ')).join('\n      ');
}

export class RunningService implements AsyncDisposable {
  readonly manager: Receiver;
  readonly #service: Service;
  /** The lines that were read so far. */
  readonly lines: Line[] = [];

  constructor(service: Service, manager: Receiver) {
    this.#service = service;
    this.manager = manager;
  }

  get pid(): number {
    return this.#service.pid as number;
  }

  get stderr(): string {
    return this.#service.stderr;
  }

  /** Reads lines up to the first line that matches. */
  async readUntil(matches: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const line = await this.#service.next<Line>();
      this.lines.push(line);
      if (matches(line)) return line;
    }
  }

  /** Reads lines until the service serves. Returns the address of its first server, for net.connect(). */
  async serving(): Promise<Reachable> {
    const { addresses } = await this.readUntil((line) => 'activated' in line);
    const [address] = addresses as unknown as readonly [
      { address: string; port: number; path?: string },
    ];
    const { path, address: host, port } = address;
    return path === undefined ? { host, port } : { path };
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Sends SIGTERM, and waits for STOPPING=1. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.manager.until(({ message }) => message.startsWith('STOPPING=1'));
  }

  /** Reads lines to the end of the process. Then {@link notifications} is complete. */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    await this.readUntil((line) => 'exit' in line).catch((error: Error) => {
      if (/within \d+ ms/.test(error.message)) throw this.#hung(error); // a killed process prints no such line
    });
    const end = await this.#service.ended().catch((error: Error) => {
      throw this.#hung(error);
    });
    await this.manager.drain();
    return end;
  }

  /** The error of a service that does not end, with its last lines, its last notification and its open sockets. */
  #hung(error: Error): Error {
    const lastLines = this.lines.slice(-5).map((line) => JSON.stringify(line));
    const facts = [
      `Last lines: ${lastLines.join(' ')}`,
      `Last notification: ${this.notifications.at(-1)}`,
    ];
    return new Error([error.message, ...facts, `Open: ${socketsOf(this.pid)}`].join('\n'));
  }

  /** The notifications so far, without pings and without the value of MONOTONIC_USEC. */
  get notifications(): string[] {
    return this.manager.messages
      .map(({ message }) => message.replace(/(?<=MONOTONIC_USEC=)\d+/, '…'))
      .filter((message) => message !== 'WATCHDOG=1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
    await this.manager.close();
  }
}

/** Starts the source of an ES module, which may use the names of {@link prelude}. */
export function startService(source: string, options?: StartOptions): Promise<RunningService> {
  return startProgram(['--input-type=module', '-e', prelude + source], options);
}

/** Starts Node with these arguments: a program that prints the same lines. */
export async function startProgram(
  args: readonly string[],
  { specs = ['tcp:127.0.0.1:0'], env = {}, ...options }: StartOptions = {},
): Promise<RunningService> {
  const manager = await startReceiver();
  const command = [process.execPath, ...args];
  const child = spawnLaunched(specs, command, {
    cwd: root,
    env: { NOTIFY_SOCKET: manager.address, ...env },
    ...options,
  });
  await untilExecuted(child.pid as number);
  return new RunningService(new Service(child), manager);
}

/**
 * Waits until test/tools/launch.c has bound the sockets and executes the program. Before, a client would be refused.
 */
async function untilExecuted(pid: number): Promise<void> {
  const isLauncher = () => {
    try {
      return basename(readlinkSync(`/proc/${pid}/exe`)) === 'launch';
    } catch {
      return false; // The process has ended.
    }
  };
  while (isLauncher()) await sleep(1);
}
