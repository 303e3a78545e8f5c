// The primary: starts and replaces the workers, serves /status on the admin socket, and counts what
// statsd clients send.
import cluster from 'node:cluster';
import dgram from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import { acceptQueue, formatAddress, listen, notify, watchdog } from 'libsystemd';
import { describe } from './listeners.mjs';

const counters = {};
let stopping = false;

function count(message) {
  const [, name, value] = /^([\w.]+):(\d+)\|c/.exec(message) ?? [];
  if (name) counters[name] = (counters[name] ?? 0) + Number(value);
}

function status(listeners) {
  return {
    workers: Object.values(cluster.workers).map(({ process }) => process.pid),
    counters,
    listeners: listeners.map(({ name, protocol, descriptor }) => ({
      name,
      protocol,
      address: formatAddress(descriptor.localAddress),
      ...acceptQueue(descriptor.fd),
    })),
  };
}

/** Starts a worker. Resolves when the worker listens, and replaces the worker when it dies later. */
async function startWorker() {
  const worker = cluster.fork();
  worker.on('error', ({ message }) => console.error(`Worker ${worker.process.pid}: ${message}`));
  const tooEarly = once(worker, 'exit').then(([code, signal]) => {
    if (!stopping) throw new Error(`A worker ended (${signal ?? code}) before it served`);
  });
  await Promise.race([once(worker, 'message'), tooEarly]);
  worker.once('exit', () => stopping || startWorker());
}

async function serveStatus(listeners) {
  const server = http.createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(status(listeners), null, 2));
  });
  await listen(server, { name: listeners.find(({ protocol }) => protocol === 'admin').name });
  return server;
}

async function countMetrics(listeners) {
  const { name, descriptor } = listeners.find(({ protocol }) => protocol === 'statsd');
  const socket = dgram.createSocket(descriptor.family === 'inet6' ? 'udp6' : 'udp4');
  socket.on('message', count);
  await listen(socket, { name });
  return socket;
}

export async function lead({ workers }, listeners) {
  for (const { name, descriptor } of listeners) console.log(`${name}: ${describe(descriptor)}`);
  const open = [await serveStatus(listeners), await countMetrics(listeners)];
  await Promise.all(Array.from({ length: workers }, startWorker));
  notify.ready(`${workers} workers serve ${listeners.length} listeners`);
  watchdog.start();
  process.once('SIGTERM', () => {
    stopping = true;
    notify.stopping();
    cluster.disconnect();
    for (const server of open) server.close();
  });
}
