// An HTTP server by serve(), with the options in argv as JSON. /NUMBER is answered after so many
// milliseconds, /hang never: the event loop stands still.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from 'libsystemd';

const {
  failingStop = false,
  slowStop = 0, // how many milliseconds the stop hook takes
  closedByStop = false, // whether the check is not content once the stop hook has begun
  name, // of the descriptor
  reload,
  ...options
} = JSON.parse(process.argv[2] ?? '{}');

const server = createServer(async (request, response) => {
  if (request.url === '/hang') for (;;);
  if (request.url === '/reload') service.reload();
  await sleep(Number(request.url.slice(1)));
  response.end(`pid ${process.pid}`);
});

let reloads = 0;
let stopping = false;
const service = await serve(server, {
  ...options,
  ...(name && { name }),
  ...(closedByStop && { watchdog: { check: () => !stopping } }),
  status: ({ connections }) => `${connections} open, ${reloads} reloads`,
  reload:
    reload ??
    (async () => {
      await sleep(100);
      reloads++;
    }),
  async stop() {
    stopping = true;
    await sleep(slowStop);
    if (failingStop) throw new Error('could not save');
  },
});
