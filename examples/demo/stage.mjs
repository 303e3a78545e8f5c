// The surroundings of the demo's server: a socket in place of the service manager's, a program that
// opens sockets as systemd does, and a client.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildTool } from '../../scripts/build-tools.mjs';

/** The line in the standard error of a failed program that says why it failed. */
function reason(stderr) {
  const lines = stderr.trimEnd().split('\n');
  return lines.find((line) => /^(\w*Error\b|Failed )/.test(line)) ?? lines.at(-1);
}

/** Starts a program. Calls `fail` when the program ends by itself. */
function start(what, program, args, fail) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const stderr = text(child.stderr);
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  let stopping = false;
  let killing = false;
  const judged = ended.then(
    async (how) => {
      // A program that failed by itself and was killed later counts as failed.
      if (stopping || (killing && how === 'SIGKILL')) return;
      fail([`${what} ended (${how})`, reason(await stderr)].filter(Boolean).join(': '));
    },
    ({ message }) => fail(message),
  );

  return {
    pid: child.pid,
    stdout: child.stdout,
    /** Asks the program to end. Resolves with its exit code, or with the signal that ended it. */
    stop() {
      stopping = true;
      child.kill('SIGTERM');
      return ended;
    },
    /** Kills the program, if it has not ended. */
    async kill() {
      killing = true;
      child.kill('SIGKILL');
      await judged;
    },
  };
}

/** The messages that came to NOTIFY_SOCKET, each with the pid of its sender. */
class Notifications extends EventEmitter {
  #new = [];

  add(notification) {
    this.#new.push(notification);
    this.emit('came');
  }

  /** Waits for an assignment to come so many times. Returns all messages since the last call. */
  async until(assignment, times, signal) {
    const has = ({ message }) => message.split('\n').includes(assignment);
    while (this.#new.filter(has).length < times) await once(this, 'came', { signal });
    return this.#new.splice(0);
  }
}

/** Receives notifications at `path` until it is closed. */
export async function openReceiver(path, signal, fail) {
  const program = await buildTool('test/tools/receiver.c');
  const { stdout, kill: close } = start('the receiver of notifications', program, [path], fail);
  const notifications = new Notifications();
  const lines = createInterface({ input: stdout });
  lines.on('line', (line) => {
    const value = JSON.parse(line);
    if (value.ready) lines.emit('ready');
    else notifications.add(value);
  });
  try {
    await once(lines, 'ready', { signal });
  } catch (error) {
    await close();
    throw error;
  }
  return { notifications, close };
}

/** The version of systemd-socket-activate, or an error that says where it comes from. */
export async function socketActivateVersion() {
  const child = spawn('systemd-socket-activate', ['--version']);
  try {
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return output.split('\n')[0];
  } catch (cause) {
    if (cause.code !== 'ENOENT') throw cause;
    const advice = 'apt-get install systemd';
    throw new Error(`systemd-socket-activate is needed, and was not found: ${advice}`, { cause });
  }
}

/**
 * Has systemd-socket-activate open the sockets. At the first connection its process becomes the server.
 * The environment of the server has these variables, and hardly any other.
 */
export function activate({ sockets, variables, program }, fail) {
  const args = [
    ...Object.values(sockets).flatMap((address) => ['-l', address]),
    `--fdname=${Object.keys(sockets).join(':')}`,
    ...Object.entries(variables).flatMap(([name, value]) => ['-E', `${name}=${value}`]),
    process.execPath,
    program,
  ];
  return start('the server', 'systemd-socket-activate', args, fail);
}

/** Makes a GET request, over TCP or, with a `socketPath`, over a Unix socket. */
export async function get(options) {
  const request = http.get({ ...options, agent: false });
  const [response] = await once(request, 'response');
  return { status: response.statusCode, body: await text(response) };
}

/** Makes a GET request as soon as somebody listens there. */
export async function getWhenThere(options) {
  for (;;) {
    try {
      return await get(options);
    } catch (error) {
      if (error.code !== 'ECONNREFUSED') throw error;
      await sleep(5, undefined, { signal: options.signal });
    }
  }
}

/** A free TCP port of 127.0.0.1. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
