// The server of bare.mjs, run by `serve()`. Without a socket of systemd it listens on $PORT.
import { createServer } from 'node:http';
import { serve } from 'libsystemd';

const server = createServer((_request, response) => response.end('Hello\n'));
await serve(server, { fallback: { port: process.env.PORT, host: '127.0.0.1' } });
