// Clients of a proxy, every other one by a WebSocket. They share the server behind it, which echoes.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { connect as connectHttp } from './http.mjs';
import { connectWebSocket } from './websocket.mjs';

let clients = 0;
const behind = createServer((request, response) => request.pipe(response));
const websockets = new WebSocketServer({ server: behind });
websockets.on('connection', (socket) => {
  socket.on('message', (data) => socket.send(`${data}`));
  socket.on('error', () => {}); // 'close' follows
});
behind.listen(4000, '127.0.0.1');
await once(behind, 'listening');

/** The proxy ends a WebSocket without a closing frame, so that each end leads to another one. */
const byWebSocket = {
  isExpected: (code) => code !== undefined,
  end: (socket) => socket.terminate(),
};

export function connect(target, index) {
  clients++;
  const client = index % 2 ? connectWebSocket(target, byWebSocket) : connectHttp(target, index / 2);
  return {
    exchange: (words) => client.exchange(words),
    end() {
      client.end();
      if (--clients > 0) return;
      for (const socket of websockets.clients) socket.terminate();
      behind.close();
      behind.closeAllConnections();
    },
  };
}
