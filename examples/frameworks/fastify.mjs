import fastify from 'fastify';
import { serve } from 'libsystemd';

const app = fastify();
app.post('/', ({ body }) => body);
await app.ready();
await serve(app.server, { fallback: { port: 3000 }, stop: () => app.close() });
