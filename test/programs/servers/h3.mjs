import { createServer } from 'node:http';
import { H3, toNodeHandler } from 'h3';
import { serve } from 'libsystemd';

const app = new H3();
app.post('/', (event) => event.req.text());
await serve(createServer(toNodeHandler(app)), { fallback: { port: 3000 } });
