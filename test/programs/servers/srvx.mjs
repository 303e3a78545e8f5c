import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { toNodeHandler } from 'srvx/node';

const fetch = async (request) => new Response(await request.text());
await serve(createServer(toNodeHandler(fetch)), { fallback: { port: 3000 } });
