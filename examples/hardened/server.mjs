import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { serve } from 'libsystemd';
import { directory } from 'libsystemd/environment';

// The unit's StateDirectory= is the only folder that the service may write to, besides /tmp.
const path = join(directory('state', { fallback: '.' }), 'id');
const id = await readFile(path, 'utf8').catch(async () => {
  const id = randomUUID();
  await writeFile(path, id);
  return id;
});

const server = createServer((_request, response) => {
  response.end(`Process ${process.pid} of service ${id}\n`);
});
const count = Number(process.env.WORKERS ?? 0);
await serve(server, { fallback: { port: 3000 }, ...(count > 0 && { workers: count }) });
