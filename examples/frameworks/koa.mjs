import { createServer } from 'node:http';
import Koa from 'koa';
import { serve } from 'libsystemd';

const app = new Koa();
app.use((context) => {
  context.body = context.req;
});
await serve(createServer(app.callback()), { fallback: { port: 3000 } });
