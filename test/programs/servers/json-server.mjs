import { createServer } from 'node:http';
import jsonServer from 'json-server';
import { serve } from 'libsystemd';

const app = jsonServer.create();
app.use(jsonServer.defaults({ logger: false }));
app.use(jsonServer.router({ posts: [] })); // or the path of db.json
await serve(createServer(app), { fallback: { port: 3000 } });
