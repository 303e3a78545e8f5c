// What the runtimes are asked: `smoke.mjs PROGRAM [JSON]`. What comes of it is said in lines of JSON.
import { spawnSync } from 'node:child_process';
import cluster from 'node:cluster';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import * as libsystemd from 'libsystemd';
import * as sd from 'libsystemd/sd';

const { acceptQueue, connection, fdStore, inspect, listen, listenFds, notify, serve } = libsystemd;

const [, , program, json = '{}'] = process.argv;
const told = JSON.parse(json);

// Under an emulator a child of Node has to be started with it.
process.execPath = process.env.EXEC_PATH ?? process.execPath;

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

let onDrain;
const draining = new Promise((resolve) => {
  onDrain = resolve;
});

/** Answers /last when the service is stopping. */
const answer = async (request, response) => {
  say({ request: request.url });
  if (request.url === '/last') await draining;
  response.end('answer');
};

const answering = () =>
  net.createServer((socket) => socket.once('data', () => socket.end('answer')));

const servers = {
  net: answering,
  http: () => http.createServer(answer),
  https: () =>
    https.createServer({ key: readFileSync(told.key), cert: readFileSync(told.cert) }, answer),
  http2: () => http2.createServer(answer),
  udp() {
    const socket = dgram.createSocket('udp4', (_message, { port, address }) => {
      socket.send('answer', port, address);
    });
    return socket;
  },
  'http over net'() {
    const app = http.createServer(answer);
    return Object.assign(
      net.createServer((socket) => app.emit('connection', socket)),
      { app },
    );
  },
};

const programs = {
  load() {
    const required = createRequire(import.meta.url)('libsystemd');
    say({ require: typeof required.serve, import: typeof serve, addon: typeof sd.sd_booted() });
  },

  inherited() {
    const descriptors = listenFds();
    const { stdout } = spawnSync('env', { encoding: 'utf8' });
    say({
      descriptors,
      same: descriptors.map(({ fd }) => inspect(fd)),
      childSees: stdout.match(/^LISTEN_\w+/gm),
    });
  },

  async listen() {
    const [address] = await listen(servers[told.kind]());
    say({ address, limit: acceptQueue(3)?.limit });
  },

  connection() {
    const socket = connection();
    const { remoteAddress, remotePort } = socket;
    say({ remoteAddress, remotePort });
    servers.http().emit('connection', socket);
  },

  peer() {
    const server = net.createServer((socket) => {
      say(libsystemd.peerCredentials(socket));
      socket.end();
    });
    return listen(server).then(([address]) => say({ address }));
  },

  notify() {
    say({ sent: notify.ready('up') });
  },

  notifyElsewhere() {
    process.env.NOTIFY_SOCKET = told.address;
    say({ sent: notify.ready('up') });
  },

  async barrier() {
    say({ passed: await notify.barrier({ timeout: 2_000 }) });
  },

  sdBarrier() {
    say({ passed: sd.sd_notify_barrier(false, 2_000_000) });
  },

  watchdog() {
    say({ timeout: libsystemd.watchdog.timeout() });
    libsystemd.watchdog.start();
    setTimeout(() => {}, 10_000);
  },

  async thread() {
    if (isMainThread) {
      listenFds();
      const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
      worker.on('message', say);
      return;
    }
    parentPort.postMessage({ address: (await listen(answering()))[0] });
  },

  async cluster() {
    if (cluster.isPrimary) {
      // As serve() does. By default Deno's primary hands over what its workers do not always see.
      cluster.schedulingPolicy = cluster.SCHED_NONE;
      listenFds();
      const worker = cluster.fork();
      process.on('SIGTERM', () => {
        worker.process.kill('SIGKILL');
        process.exit();
      });
      return;
    }
    const names = listenFds().map(({ name }) => name);
    for (const name of names) say({ address: (await listen(answering(), { name }))[0] });
  },

  async serve() {
    const server = servers[told.kind]();
    process.on('exit', (code) => cluster.isPrimary && say({ exit: code }));
    const service = await serve(server, {
      fallback: { port: 0, host: '127.0.0.1' },
      ...(told.workers && { workers: told.workers }),
      reload: () => say({ reloaded: true }),
      drain() {
        setTimeout(onDrain, 100);
        // Bun's way: Node knows none of these connections to be idle.
        setInterval(() => server.app?.closeIdleConnections(), 200).unref();
      },
    });
    if (cluster.isPrimary) say({ address: service.addresses[0] });
  },

  store() {
    const state = fdStore.load('state');
    say({ state: new TextDecoder().decode(state), saved: fdStore.save('state', state) });
  },

  async storeServer() {
    const server = net.createServer();
    await listen(server);
    say({ added: fdStore.add('server', server) });
  },
};

// Whatever has become of the test that started it.
setTimeout(() => process.exit(9), 60_000).unref();

try {
  await programs[program]();
} catch ({ code, message }) {
  say({ refused: code, message });
  process.exitCode = 1;
}
