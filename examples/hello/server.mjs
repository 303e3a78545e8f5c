import { createServer } from 'node:http';
import { listen, notify, watchdog } from 'libsystemd';

const server = createServer((_request, response) => response.end('Hello from systemd\n'));
await listen(server, { fallback: { port: 3000 } });
notify.ready('Serving');
watchdog.start();
process.once('SIGTERM', () => {
  notify.stopping();
  server.close();
});
