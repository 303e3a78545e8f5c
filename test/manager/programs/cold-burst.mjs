// A server whose start-up blocks the event loop for 700 ms, as if it compiled templates.
//
//   cold-burst.mjs libsystemd|plain [FIFO]
//
// With FIFO the server listens first, then opens FIFO for writing, for which tools/burst.c waits, and blocks after that.
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';

const [by, fifo] = process.argv.slice(2);

const listenBy = {
  async libsystemd(unix, tcp) {
    const { listen } = await import('libsystemd');
    await listen(unix, { name: 'unix' });
    await listen(tcp, { name: 'tcp' });
  },
  plain(...servers) {
    for (const [i, server] of servers.entries()) server.listen({ fd: 3 + i });
  },
};

function block() {
  for (const end = performance.now() + 700; performance.now() < end; );
}

const createPage = () => createServer((_request, response) => response.end('served\n'));

if (fifo === undefined) block();
await listenBy[by](createPage(), createPage());
if (fifo !== undefined) {
  closeSync(openSync(fifo, 'w'));
  block();
}
