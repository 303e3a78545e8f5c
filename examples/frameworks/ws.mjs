import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { WebSocketServer } from 'ws';

const server = createServer((_request, response) => response.writeHead(426).end());
const websockets = new WebSocketServer({ server });
websockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}`)));
await serve(server, {
  fallback: { port: 3000 },
  drain() {
    websockets.close(); // no more upgrades
    for (const socket of websockets.clients) socket.close(1001, 'going away');
  },
});
