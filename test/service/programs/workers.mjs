// A service in cluster workers. What is to be different is a JSON object in argv; what happens is said
// in lines of JSON on stdout, by the workers too.
import cluster from 'node:cluster';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from 'libsystemd';

const {
  options = {}, // for serve()
  countConnections = false,
  ownPrimary = false, // whether the primary is the program's own, and not serve()
  failingStart = 0, // how many milliseconds after its start a worker fails; 0: none does
  failingReload, // the one whose reload fails: 'worker' or 'primary'
  failingStop, // the one whose stop fails
  lateSignal, // what hits a worker when its process is about to be gone, and nothing takes it
  slowEnd = 0, // how many milliseconds something holds a worker that has stopped
  slowStart = 0, // how many milliseconds workers take to start, but for the first ones
  slowStop = 0, // how many the stop hook of a worker takes
  hangingStart = Infinity, // from which worker on they hang before they serve
  shorter = {}, // what setTimeout() takes for some numbers of milliseconds, that nobody has to wait for
  unhealthy = false, // whether workers' checks are not content
} = JSON.parse(process.argv[2]);

const who = cluster.isPrimary ? 'primary' : 'worker';
const say = (line) =>
  process.stdout.write(`${JSON.stringify({ who, pid: process.pid, ...line })}\n`);

const { setTimeout: setTimer } = globalThis;
globalThis.setTimeout = (act, ms, ...args) => setTimer(act, shorter[ms] ?? ms, ...args);

function hang(milliseconds) {
  for (const end = Date.now() + milliseconds; Date.now() < end; );
}

/** Answers with its pid; /NUMBER after so many milliseconds, /die never, /hang stands still. */
const server = http.createServer(async (request, response) => {
  say({ request: request.url });
  if (request.url === '/die') process.exit(3);
  if (request.url === '/hang') hang(20_000);
  await sleep(Number(request.url.slice(1)));
  response.end(`pid ${process.pid};`);
});

process.on('warning', ({ code, message }) => say({ warning: code ?? 'none', message }));
process.on('exit', (code) => say({ [cluster.isPrimary ? 'exit' : 'workerExit']: code }));
process.on('exit', () => {
  if (cluster.isPrimary || lateSignal === undefined) return;
  process.removeAllListeners(lateSignal);
  process.kill(process.pid, lateSignal);
});
process.on('message', (message) => say({ toWorker: message }));
cluster.on('message', (_worker, message) => ownPrimary && say({ toPrimary: message }));

async function run() {
  const service = await serve(server, {
    ...options,
    reload:
      options.reload ??
      (() => {
        say({ reload: true });
        if (failingReload === who) throw new Error(`no reload in the ${who}`);
      }),
    async stop(reason) {
      say({ stop: reason });
      if (cluster.isWorker) await sleep(slowStop);
      if (failingStop === who) throw new Error(`no stop in the ${who}`);
      if (cluster.isWorker) setTimeout(() => {}, slowEnd);
    },
    ...(unhealthy && { watchdog: { check: () => false } }),
    ...(countConnections && { status: ({ connections }) => `${connections} open` }),
  });
  const { activated, addresses } = service;
  say(cluster.isPrimary ? { activated, addresses } : { serves: addresses });
}

if (ownPrimary && cluster.isPrimary) {
  cluster.fork();
} else if (failingStart > 0 && cluster.isWorker && cluster.worker.id === 2) {
  setTimeout(() => process.exit(7), failingStart);
} else if (cluster.worker?.id >= hangingStart) {
  say({ hangs: true });
  hang(60_000);
} else {
  if (cluster.worker?.id > (options.workers?.count ?? options.workers)) await sleep(slowStart);
  await run().catch(({ code, message }) => say({ refused: code, message }));
}
