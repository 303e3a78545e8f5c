import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve } from 'libsystemd';
import Piscina from 'piscina';

const pool = new Piscina({ filename: new URL('piscina-worker.mjs', import.meta.url).href });
const server = createServer(async (request, response) => {
  response.end(await pool.run(await text(request)));
});
await serve(server, { fallback: { port: 3000 }, stop: () => pool.close() });
