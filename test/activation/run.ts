// Runs JavaScript in a process that was passed descriptors as by systemd.
import { type LaunchOptions, launchNode } from '../support/launch.ts';

/** The lines that {@link run} puts before those of a test. */
const prelude = `
  import { createSocket } from 'node:dgram';
  import { once } from 'node:events';
  import { readdirSync } from 'node:fs';
  import http from 'node:http';
  import net, { connect, createServer } from 'node:net';
  import { text } from 'node:stream/consumers';
  import { acceptQueue, connection, inspect, listen, listenFd, listenFds } from 'libsystemd';

  const variables = () => Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
  const openFds = () => readdirSync('/proc/self/fd').length;

  // What a call threw, or a promise was rejected with; a result is no error here.
  const unexpected = (value) => ({ name: 'nothing was thrown', value });
  const caught = (call) => {
    try {
      return unexpected(call());
    } catch (error) {
      return error;
    }
  };
  const rejected = (promise) => promise.then(unexpected, (error) => error);
  const facts = ({ name, code, message, fd, errno, syscall, value }) =>
    ({ name, code, message, fd, errno, syscall, value });

  const answering = (answer) => createServer((socket) => socket.end(answer));
  // Answers one client and then listens no longer, so that another server gets the next.
  const answeringOnce = (answer) => {
    const server = createServer((socket) => {
      server.close();
      socket.end(answer);
    });
    return server;
  };
  // Takes an address of libsystemd, and what server.address() gives.
  const reach = (to) => (to.port ? connect(to.port, to.address) : connect(to.path ?? to));
  const ask = (address) => text(reach(address));

  const echoing = (type) => {
    const socket = createSocket(type, (message, { port, address }) => {
      socket.send(type + ' ' + message, port, address);
    });
    return socket;
  };
  const askDatagram = async (type, { port, address }, message) => {
    const socket = createSocket(type);
    socket.send(message, port, address);
    const [reply] = await once(socket, 'message');
    socket.close();
    return reply.toString();
  };
`;

/**
 * Runs a module in a process that was passed these descriptors. The module can use the names of the
 * prelude, and declares `result`, which this resolves with after JSON. Then the process ends.
 */
export async function run(
  specs: readonly string[],
  source: string,
  options: LaunchOptions = {},
): Promise<unknown> {
  const end = `
    process.stdout.write(JSON.stringify(result ?? null) + '\\n', () => process.exit());
  `;
  return (await launchNode(specs, prelude + source + end, options)).result;
}

/** No LISTEN_* at all, because LISTEN_FDS=0 is an error. */
export const notActivated: LaunchOptions = { pid: 'none', fds: 'none' };
