// A stock HTTP server for one request: a process a connection, and none when nobody asks.
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
socket.allowHalfOpen = true; // as http's own: the answer still goes out after the client's end
server.emit('connection', socket);
