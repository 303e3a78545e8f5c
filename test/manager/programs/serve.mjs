// An HTTP server by serve().
//
//   serve.mjs [OPTIONS]
//
// OPTIONS are options of serve() and the further ones below, as JSON. The response to /NUMBER takes NUMBER
// milliseconds. /hang blocks the event loop forever. /reload calls service.reload().
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from 'libsystemd';

const {
  failingStop = false,
  slowStop = 0, // the milliseconds that the stop hook takes
  failsWhileStopping = false, // the watchdog's check is false from the beginning of the stop hook
  name, // the fd name
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
  ...(failsWhileStopping && { watchdog: { check: () => !stopping } }),
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
