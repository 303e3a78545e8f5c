import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { serve } from 'libsystemd';

const app = new Hono();
app.post('/', async (context) => context.text(await context.req.text()));
await serve(createAdaptorServer(app), { fallback: { port: 3000 } });
