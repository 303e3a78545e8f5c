// A service that answers with the body it was sent, by HTTP on two sockets, tcp and unix, unless its options
// have other `kinds`: h2 is HTTP/2 in the clear, udp answers datagrams after a while, as who looks something up.
//
//   echo.mjs serve|close|none [OPTIONS]
//
// serve: by serve() with these options, as JSON. close: by Node alone, which on SIGTERM closes its
// servers. none: by Node alone, and SIGTERM does what it does by default. A path of /NUMBER is
// answered after so many milliseconds, /stream piece by piece over 4 seconds. Each answer says in a
// header which process it is from.
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

async function answer(request, response) {
  response.setHeader('instance', process.pid);
  const body = await buffer(request);
  if (request.url === '/stream') return await stream(body, response);
  if (request.url !== '/') await sleep(Number(request.url.slice(1)));
  response.end(body);
}

/** Reloads that take so long, and a status that tells how they followed each other. */
function reloading(milliseconds) {
  let [reloads, running, most] = [0, 0, 0];
  async function reload() {
    most = Math.max(most, ++running);
    await sleep(milliseconds);
    running--;
    reloads++;
  }
  return { reload, status: () => `${reloads} reloads, ${most} at once` };
}

/** How long a datagram's answer takes, in milliseconds. */
const LOOK_UP = 20;

function answerDatagrams() {
  const socket = createSocket('udp4', async (message, { port, address }) => {
    await sleep(LOOK_UP);
    socket.send(`${process.pid} ${message}`, port, address);
  });
  return socket;
}

const makers = {
  tcp: () => createServer(answer),
  unix: () => createServer(answer),
  h2: () => createHttp2Server(answer),
  udp: answerDatagrams,
};

const { reloadTakes, kinds = ['tcp', 'unix'], ...options } = JSON.parse(json);
const servers = Object.fromEntries(kinds.map((kind) => [kind, makers[kind]()]));

if (by === 'serve') {
  const { serve } = await import('libsystemd');
  const named = Object.entries(servers).map(([name, server]) => ({ name, server }));
  await serve(named, { ...options, ...(reloadTakes && reloading(reloadTakes)) });
} else {
  const names = process.env.LISTEN_FDNAMES.split(':');
  for (const [i, name] of names.entries()) servers[name].listen({ fd: 3 + i });
  const close = () => {
    for (const server of Object.values(servers)) server.close();
  };
  if (by === 'close') process.once('SIGTERM', close);
}
