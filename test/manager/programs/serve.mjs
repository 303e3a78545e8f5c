// An HTTP server by serve(), with the options in argv as JSON. /NUMBER is answered after so many
// milliseconds, /hang never: the event loop stands still.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from 'libsystemd';

const { failingStop = false, reload, ...options } = JSON.parse(process.argv[2] ?? '{}');

const server = createServer(async (request, response) => {
  if (request.url === '/hang') for (;;);
  await sleep(Number(request.url.slice(1)));
  response.end(`pid ${process.pid}`);
});

let reloads = 0;
await serve(server, {
  ...options,
  status: ({ connections }) => `${connections} open, ${reloads} reloads`,
  reload:
    reload ??
    (async () => {
      await sleep(100);
      reloads++;
    }),
  stop() {
    if (failingStop) throw new Error('could not save');
  },
});
