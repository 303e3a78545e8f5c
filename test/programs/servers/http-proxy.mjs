import { createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { serve } from 'libsystemd';

const proxy = httpProxy.createProxyServer({ target: 'http://127.0.0.1:4000' });
const server = createServer((request, response) => proxy.web(request, response));
const upgraded = new Set();
server.on('upgrade', (request, socket, head) => {
  upgraded.add(socket);
  socket.once('close', () => upgraded.delete(socket));
  proxy.ws(request, socket, head);
});
await serve(server, {
  fallback: { port: 3000 },
  drain() {
    for (const socket of upgraded) socket.end();
  },
});
