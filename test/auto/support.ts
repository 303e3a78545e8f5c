// Programs that know nothing of systemd, started with `libsystemd/auto` and a stand-in manager.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type RunningService, type StartOptions, startProgram } from '../service/support.ts';
import { Client } from '../support/client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The lines before the source of every program: it prints what happens as lines of JSON. */
const prelude = `
  import cluster from 'node:cluster';
  import dgram from 'node:dgram';
  import { once } from 'node:events';
  import fs from 'node:fs';
  import http from 'node:http';
  import http2 from 'node:http2';
  import https from 'node:https';
  import net from 'node:net';
  import tls from 'node:tls';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { Worker } from 'node:worker_threads';

  const say = (line) => fs.writeSync(1, JSON.stringify(line) + '\\n');
  process.on('warning', ({ code, message }) => say({ warning: code, message }));
  process.on('exit', (code) => say({ exit: code }));

  // Answers /NUMBER after that many milliseconds, and /events with events without end.
  const answer = async (request, response) => {
    say({ request: request.url });
    if (request.url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: first\\n\\n');
      return;
    }
    await sleep(Number(request.url.slice(1)));
    response.end('done');
  };
`;

export interface AutoOptions extends StartOptions {
  /** The option of Node by which the preload is loaded; undefined: it is not. Default: --import. */
  readonly by?: '--import' | '-r' | undefined;
  /** Further arguments of Node. */
  readonly args?: readonly string[];
  /** True: the program is a file, because Node passes --input-type to workers and threads, which then end. */
  readonly isFile?: boolean;
}

/** Writes an ES module into a file, which is removed after this test file. */
export function writeProgram(source: string): string {
  const file = join(temporaryFolder(), 'program.mjs');
  writeFileSync(file, source);
  return file;
}

/** Starts the source of an ES module that knows nothing of systemd. */
export function startAuto(source: string, options: AutoOptions = {}): Promise<RunningService> {
  const { args = [], isFile = false, ...others } = options;
  const by = 'by' in options ? options.by : '--import';
  const preload = by === undefined ? [] : [by, 'libsystemd/auto'];
  const program = isFile
    ? [writeProgram(prelude + source)]
    : ['--input-type=module', '-e', prelude + source];
  return startProgram([...preload, ...args, ...program], others);
}

/** Ports of this test process. Those of the processes that vitest runs beside it begin at other thousands. */
const FIRST_PORT = 20_000 + 1_000 * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 12);
let portsTried = Math.floor(Math.random() * 1_000);

/**
 * A port of 127.0.0.1 that was free a moment ago, and that no other test gets meanwhile. It is below the ports that the
 * kernel chooses, because a client of another test would get one of those.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    const port = FIRST_PORT + (portsTried++ % 1_000);
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    } catch {
      continue; // the port is in use
    }
    await once(server.close(), 'close');
    return port;
  }
}

/** Where a client connects to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Connects a client, sends a request that takes this many milliseconds, and waits until the program has it. */
export async function ask(service: RunningService, at: Place, time: number): Promise<Client> {
  const client = await Client.connect(at);
  client.get(`/${time}`);
  await service.readUntil((line) => line.request === `/${time}`);
  return client;
}

/** Starts a program that gets a TCP socket of 127.0.0.1. In the source, PORT is its port. */
export async function startOnPort(
  source: string,
  options: AutoOptions = {},
): Promise<{ readonly service: RunningService; readonly at: Place }> {
  const port = await freePort();
  const at = { host: '127.0.0.1', port };
  const specs = [`tcp:127.0.0.1:${port}`];
  const service = await startAuto(`const PORT = ${port};\n${source}`, { specs, ...options });
  return { service, at };
}

/** Waits for READY=1. */
export async function untilReady(service: RunningService): Promise<string> {
  const { message } = await service.manager.until(({ message }) => message.startsWith('READY=1'));
  return message;
}
