import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import polka from 'polka';

const app = polka();
app.post('/', (request, response) => request.pipe(response));
await serve(createServer(app.handler), { fallback: { port: 3000 } });
