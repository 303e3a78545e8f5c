// Node's HTTP server for one connection: systemd starts a process for each, so none runs when nobody
// asks.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { connection } from 'libsystemd';

const socket = connection();
if (socket === undefined) throw new Error('No connection: start me by http-on-demand.socket');

const server = createServer(async (request, response) => {
  const { method, url, headers } = request;
  const seen = { pid: process.pid, method, url, headers, body: await text(request) };
  response.setHeader('Connection', 'close'); // then the process ends
  response.end(`${JSON.stringify(seen, null, 2)}\n`);
});
socket.allowHalfOpen = true; // as http does: the answer is still sent when the client has ended
server.emit('connection', socket);
