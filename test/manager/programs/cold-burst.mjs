// A server with 700 ms of start-up in which the event loop stands still, as while it compiles
// templates:
//
//   cold-burst.mjs libsystemd|plain [FIFO]
//
// With FIFO it listens first, then opens FIFO for writing, which lets tools/burst.c go on, and only
// then stands still.
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';

const [by, fifo] = process.argv.slice(2);

const ways = {
  async libsystemd(unix, tcp) {
    const { listen } = await import('libsystemd');
    await listen(unix, { name: 'unix' });
    await listen(tcp, { name: 'tcp' });
  },
  plain(...servers) {
    for (const [i, server] of servers.entries()) server.listen({ fd: 3 + i });
  },
};

function startUp() {
  for (const end = performance.now() + 700; performance.now() < end; );
}

const createPage = () => createServer((_request, response) => response.end('served\n'));

if (fifo === undefined) startUp();
await ways[by](createPage(), createPage());
if (fifo !== undefined) {
  closeSync(openSync(fifo, 'w'));
  startUp();
}
