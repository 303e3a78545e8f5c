// Echoes what its clients send, until one says "close".
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { listen, notify } from 'libsystemd';

const server = createServer(async (socket) => {
  for await (const line of createInterface({ input: socket })) {
    if (line === 'close') {
      notify.stopping('Told to close');
      server.close();
      break;
    }
    console.log(`Echo ${line}`);
    socket.write(`${line}\n`);
  }
  socket.end();
});
// The default name of a socket is its unit's. Exactly one must have it.
await listen(server, { name: 'ipc-server.socket' });
notify.ready('Waiting for numbers');
