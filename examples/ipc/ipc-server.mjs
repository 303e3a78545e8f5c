// Echoes what clients of its own user send, until a client sends "close".
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { listen, notify, peerCredentials } from 'libsystemd';

const owner = process.getuid();

const server = createServer(async (socket) => {
  socket.on('error', ({ code }) => console.log(`A client has gone: ${code}`));
  const { pid, uid } = peerCredentials(socket);
  if (uid !== owner) {
    console.log(`Refused process ${pid} of uid ${uid}`);
    socket.end(`Only uid ${owner} is served, and you are ${uid}\n`, () => socket.destroy());
    return;
  }
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
// A socket without FileDescriptorName= has the name of its unit. Exactly one must have this name.
await listen(server, { name: 'ipc-server.socket' });
notify.ready('Waiting for numbers');
