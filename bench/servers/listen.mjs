// The server of bare.mjs, which listens by `listen()`, with readiness and watchdog.
import { createServer } from 'node:http';
import { listen, notify, watchdog } from 'libsystemd';

const server = createServer((_request, response) => response.end('Hello\n'));
await listen(server);
notify.ready();
watchdog.start();
