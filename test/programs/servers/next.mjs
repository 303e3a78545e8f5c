import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import next from 'next';

const app = next({ dev: false });
await app.prepare();
const server = createServer(app.getRequestHandler());
await serve(server, { fallback: { port: 3000 }, stop: () => app.close() });
