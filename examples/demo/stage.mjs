// What the demo needs around the server: a socket in place of the service manager's, something that
// opens sockets as systemd does, and a client.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildTool } from '../../scripts/build-tools.mjs';

/** What a program that failed said of it, out of all that it wrote to stderr. */
function reason(stderr) {
  const lines = stderr.trimEnd().split('\n');
  return lines.find((line) => /^(\w*Error\b|Failed )/.test(line)) ?? lines.at(-1);
}

/** Starts a program. `fail` is told when it ends by itself. */
function start(what, program, args, fail) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const stderr = text(child.stderr);
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  let stopping = false;
  let killing = false;
  const judged = ended.then(
    async (how) => {
      // Killed after it had failed, it ends as it had failed.
      if (stopping || (killing && how === 'SIGKILL')) return;
      fail([`${what} ended (${how})`, reason(await stderr)].filter(Boolean).join(': '));
    },
    ({ message }) => fail(message),
  );

  return {
    pid: child.pid,
    stdout: child.stdout,
    /** Asks it to end; resolves with its exit code, or the signal that ended it. */
    stop() {
      stopping = true;
      child.kill('SIGTERM');
      return ended;
    },
    /** Ends it, if it has not ended. */
    async kill() {
      killing = true;
      child.kill('SIGKILL');
      await judged;
    },
  };
}

/** What came to NOTIFY_SOCKET: messages, each with the pid of its sender. */
class Notifications extends EventEmitter {
  #new = [];

  add(notification) {
    this.#new.push(notification);
    this.emit('came');
  }

  /** What came since the last call, once this assignment is in it so many times. */
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
 * Has systemd-socket-activate open the sockets. At the first connection it becomes the server, and
 * keeps its pid. The server gets the variables, and hardly any other.
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

/** GET, by TCP or, with a `socketPath`, by a Unix socket. */
export async function get(options) {
  const request = http.get({ ...options, agent: false });
  const [response] = await once(request, 'response');
  return { status: response.statusCode, body: await text(response) };
}

/** The same, as soon as somebody listens there. */
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

/** A TCP port of 127.0.0.1 that nobody has. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
