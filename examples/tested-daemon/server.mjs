// A server with a state: a counter, which survives a restart in the fd store, and a name, which a reload reads anew.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fdStore, serve } from 'libsystemd';

let count = Number(Buffer.from(fdStore.load('count') ?? '0').toString());
let name = '';

const readName = () => {
  name = readFileSync(process.env.NAME_FILE, 'utf8').trim();
};

const server = createServer((request, response) => {
  if (request.url === '/count') count++;
  response.end(`${name}: ${count}\n`);
});

readName();
await serve(server, {
  name: 'counter',
  reload: readName,
  stop: () => fdStore.save('count', Buffer.from(String(count))),
});
