// A service that responds with the body of the request.
//
//   echo.mjs serve|close|none [OPTIONS]
//
// serve: by serve(). close: by Node alone; SIGTERM closes the servers. none: by Node alone; SIGTERM ends the process.
//
// OPTIONS are the options of serve() as JSON, and two more: `kinds` of servers, by default ["tcp", "unix"], each on
// the socket of this name (tcp and unix: HTTP/1; h2: HTTP/2 in the clear; udp: datagrams), and `reloadTakes`, the
// milliseconds of a reload.
//
// The response to /NUMBER takes NUMBER milliseconds, the one to /stream comes piece by piece over 4 seconds. A header
// of each response has the pid.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const [by, json = '{}'] = process.argv.slice(2);

const PIECES = 40;

async function stream(body, response) {
  const length = Math.ceil(body.length / PIECES);
  for (let i = 0; i < PIECES; i++) {
    response.write(body.subarray(i * length, (i + 1) * length));
    await sleep(100);
  }
  response.end();
}

async function respond(request, response) {
  response.setHeader('instance', process.pid);
  const body = await buffer(request);
  if (request.url === '/stream') return await stream(body, response);
  if (request.url !== '/') await sleep(Number(request.url.slice(1)));
  response.end(body);
}

/** Options for reloads that take a while, with a status that counts them, and how many ran at once. */
function reloadOptions(milliseconds) {
  let [reloads, running, most] = [0, 0, 0];
  async function reload() {
    most = Math.max(most, ++running);
    await sleep(milliseconds);
    running--;
    reloads++;
  }
  return { reload, status: () => `${reloads} reloads, ${most} at once` };
}

/** The milliseconds until a datagram is answered, as if the answer had to be looked up. */
const LOOK_UP = 20;

function createUdpServer() {
  const socket = createSocket('udp4', async (message, { port, address }) => {
    await sleep(LOOK_UP);
    socket.send(`${process.pid} ${message}`, port, address);
  });
  return socket;
}

const creators = {
  tcp: () => createServer(respond),
  unix: () => createServer(respond),
  h2: () => createHttp2Server(respond),
  udp: createUdpServer,
};

const { reloadTakes, kinds = ['tcp', 'unix'], ...options } = JSON.parse(json);
const servers = Object.fromEntries(kinds.map((kind) => [kind, creators[kind]()]));

if (by === 'serve') {
  const { serve } = await import('libsystemd');
  const named = Object.entries(servers).map(([name, server]) => ({ name, server }));
  await serve(named, { ...options, ...(reloadTakes && reloadOptions(reloadTakes)) });
} else {
  const names = process.env.LISTEN_FDNAMES.split(':');
  for (const [i, name] of names.entries()) servers[name].listen({ fd: 3 + i });
  const close = () => {
    for (const server of Object.values(servers)) server.close();
  };
  if (by === 'close') process.once('SIGTERM', close);
}
