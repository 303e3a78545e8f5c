// server.mjs
import { createServer } from 'node:http';
import { serve } from 'libsystemd';

const server = createServer((_request, response) => response.end('Hello from systemd\n'));
await serve(server, {
  fallback: { port: 3000 }, // when not started by systemd
  idleTimeout: 300_000, // stop when nobody has come for 5 minutes
  stop: () => console.log('Goodbye'), // after the last request: close what you opened
});
