import { createServer } from 'node:http';
import { acceptQueue, listen, listenFds, notify, watchdog } from 'libsystemd';

const web = createServer((_request, response) => response.end('Hello from systemd\n'));

// Shows the operator, on a socket of its own, what systemd passed to this process.
const admin = createServer((_request, response) => {
  const sockets = listenFds().map((socket) => ({ ...socket, queue: acceptQueue(socket.fd) }));
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(sockets));
});

await listen(web, { name: 'web', fallback: { port: 3000 } });
await listen(admin, { name: 'admin', fallback: { host: '127.0.0.1', port: 3001 } });
notify.ready('Serving web and admin');
watchdog.start();

process.once('SIGTERM', () => {
  notify.stopping('Finishing open requests');
  web.close();
  admin.close();
});
