// A service in cluster workers. A JSON object in argv says how it behaves; the primary and the workers print what
// happens as lines of JSON.
import cluster from 'node:cluster';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from 'libsystemd';

const {
  options = {}, // of serve()
  countConnections = false,
  ownPrimary = false, // true: the primary forks the worker itself, without serve()
  failingStart = 0, // milliseconds after which the second worker exits instead of serving; 0: it serves
  failingReload, // whose reload hook fails: 'worker' or 'primary'
  failingStop, // whose stop hook fails: 'worker' or 'primary'
  lateSignal, // a signal that kills each worker in its 'exit' event
  slowEnd = 0, // milliseconds for which a timer keeps a worker alive that has stopped
  slowStart = 0, // milliseconds that later workers, not the first ones, take to start
  slowStop = 0, // milliseconds that the stop hook of a worker takes
  hangingStart = Infinity, // workers with this number and higher ones hang before they serve
  shorter = {}, // milliseconds that setTimeout() takes instead of others, so that the test is fast
  unhealthy = false, // true: watchdog.check fails
  closedByStop = false, // true: watchdog.check fails once the stop hook has begun
  failingTries = 0, // how often serve() fails in a worker before it succeeds
  failingOptions = { name: 'nothing' }, // the options with which serve() fails
  endAfterTries = false, // true: a worker exits after the failed calls
  quiet = false, // true: reloads print no lines
  messages = [], // messages that the workers and the primary send each other when they serve
  reloads = 0, // number of reloads after which the primary prints the memory that each has leaked
  otherListener = false, // true: the program listens for SIGTERM too; 'exit': its listener ends a worker
} = JSON.parse(process.argv[2]);

const who = cluster.isPrimary ? 'primary' : 'worker';
const say = (line) =>
  process.stdout.write(`${JSON.stringify({ who, pid: process.pid, ...line })}\n`);

const countOpen = ({ connections }) => {
  say({ hook: 'status' });
  return `${connections} open`;
};

const { setTimeout: setTimer } = globalThis;
globalThis.setTimeout = (act, ms, ...args) => setTimer(act, shorter[ms] ?? ms, ...args);

function hang(milliseconds) {
  for (const end = Date.now() + milliseconds; Date.now() < end; );
}

let beginDrain;
const draining = new Promise((resolve) => {
  beginDrain = resolve;
});

/** Answers /NUMBER with its pid after that many milliseconds. /drain waits for the drain. /die exits, /hang blocks, /reload calls service.reload(). */
const server = http.createServer(async (request, response) => {
  say({ request: request.url });
  if (request.url === '/die') process.exit(3);
  if (request.url === '/hang') hang(20_000);
  if (request.url === '/reload') {
    const reloaded = await service.reload().catch(({ message }) => message);
    say({ answered: reloaded ?? 'reloaded' });
  }
  if (request.url === '/drain') await draining;
  else await sleep(Number(request.url.slice(1)));
  response.end(`pid ${process.pid};`);
});

process.on('warning', ({ code, message }) => say({ warning: code ?? 'none', message }));
process.on('exit', (code) => say({ [cluster.isPrimary ? 'exit' : 'workerExit']: code }));
process.on('exit', () => {
  if (cluster.isPrimary || lateSignal === undefined) return;
  process.removeAllListeners(lateSignal);
  process.kill(process.pid, lateSignal);
});
if (otherListener) {
  process.on('SIGTERM', () => otherListener === 'exit' && cluster.isWorker && process.exit(9));
}
// By then the timers that were due have fired, and what they do after the event loop has read is done.
process.on('SIGUSR2', () => setTimeout(() => setImmediate(() => say({ turned: true })), 1));
process.on('message', (message) => say({ toWorker: message }));
cluster.on('message', (_worker, message) => say({ toPrimary: message }));

let service;
let stopping = false;

async function run() {
  service = await serve(server, {
    ...options,
    reload:
      options.reload ??
      (() => {
        if (!quiet) say({ reload: true });
        if (failingReload === who) throw new Error(`no reload in the ${who}`);
      }),
    drain: beginDrain,
    async stop(reason) {
      say({ stop: reason });
      stopping = true;
      if (cluster.isWorker) await sleep(slowStop);
      if (failingStop === who) throw new Error(`no stop in the ${who}`);
      if (cluster.isWorker) setTimeout(() => {}, slowEnd);
    },
    ...(unhealthy && { watchdog: { check: () => false } }),
    ...(closedByStop && { watchdog: { check: () => !stopping } }),
    ...(countConnections && { status: countOpen }),
  });
  const { activated, addresses } = service;
  say(cluster.isPrimary ? { activated, addresses } : { serves: addresses });
  for (const message of messages) {
    if (cluster.isWorker) process.send(message);
    else for (const worker of Object.values(cluster.workers)) worker.send(message);
  }
  if (cluster.isPrimary && reloads > 0) say({ bytes: await bytesOfReload() });
}

/** The bytes that a reload leaks, on average. */
async function bytesOfReload() {
  const used = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < reloads; j++) await service.reload();
    gc();
    used.push(process.memoryUsage().heapUsed);
  }
  return Math.min(used[1] - used[0], used[2] - used[1]) / reloads;
}

/** Calls serve() again and again, as a program does that waits for its port. */
async function retry() {
  for (let i = 0; i < failingTries; i++) {
    const wrong = { ...options, ...failingOptions };
    const { code } = await serve(server, wrong).catch((error) => error);
    say({ failedTry: code });
    await sleep(50);
  }
  if (endAfterTries) process.exit(5);
}

if (ownPrimary && cluster.isPrimary) {
  cluster.fork();
} else if (failingStart > 0 && cluster.isWorker && cluster.worker.id === 2) {
  setTimeout(() => process.exit(7), failingStart);
} else if (cluster.worker?.id >= hangingStart) {
  say({ hangs: true });
  hang(60_000);
} else {
  if (cluster.worker?.id > (options.workers?.count ?? options.workers)) {
    say({ starts: true });
    await sleep(slowStart);
  }
  if (cluster.isWorker) await retry();
  await run().catch(({ code, message }) => say({ refused: code, message }));
}
