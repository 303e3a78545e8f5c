// The programs that run in each runtime. They print lines of JSON.
//
//   smoke.mjs PROGRAM [JSON]
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import * as libsystemd from 'libsystemd';
import * as environment from 'libsystemd/environment';
import * as sd from 'libsystemd/sd';
import { UnixDatagram, UnixSeqpacket, UnixSeqpacketServer } from 'libsystemd/unix';

const { acceptQueue, connection, fdStore, inspect, listen, listenFds, notify, serve } = libsystemd;

const [, , program, json = '{}'] = process.argv;
const input = JSON.parse(json);

// Under an emulator, child processes of Node must be started by the emulator too.
process.execPath = process.env.EXEC_PATH ?? process.execPath;

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** No program here is started with a channel to its parent, except the cluster workers. */
const isPrimary = process.send === undefined;

let onDrain;
const draining = new Promise((resolve) => {
  onDrain = resolve;
});

/** Responds to /last once the service is stopping, and to other paths at once. */
const respond = async (request, response) => {
  say({ request: request.url });
  if (request.url === '/last') await draining;
  response.end('answer');
};

const createAnsweringServer = () =>
  net.createServer((socket) => socket.once('data', () => socket.end('answer')));

const servers = {
  net: createAnsweringServer,
  http: () => http.createServer(respond),
  https: () =>
    https.createServer({ key: readFileSync(input.key), cert: readFileSync(input.cert) }, respond),
  http2: () => http2.createServer(respond),
  udp() {
    const socket = dgram.createSocket('udp4', (_message, { port, address }) => {
      socket.send('answer', port, address);
    });
    return socket;
  },
  'http over net'() {
    const app = http.createServer(respond);
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
    const [address] = await listen(servers[input.kind]());
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
    process.env.NOTIFY_SOCKET = input.address;
    say({ sent: notify.ready('up') });
  },

  async barrier() {
    say({ passed: await notify.barrier({ timeout: 2_000 }) });
  },

  sdBarrier() {
    say({ passed: sd.sd_notify_barrier(false, 2_000_000) });
  },

  /** A socket that the manager has opened receives, and the process ends when both are closed. */
  async datagrams() {
    const [{ localAddress }] = listenFds();
    const server = new UnixDatagram({ credentials: true }).bind(listenFds()[0]);
    const client = new UnixDatagram({ maxWaiting: 1000 }).connect(localAddress);
    const received = [];
    const last = new Promise((resolve) => {
      server.on('message', (data, { credentials }) => {
        received.push([Number(data), credentials.pid]);
        if (received.length === 1000) resolve();
      });
    });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => client.send(String(i))));
    await last;
    await Promise.all([server.close(), client.close()]);
    say({
      inOrder: received.every(([number, pid], i) => number === i && pid === process.pid),
    });
  },

  /** Messages, an empty one too, and the end of a connection. */
  async seqpacket() {
    const server = new UnixSeqpacketServer().listen(listenFds()[0]);
    server.on('connection', (connection) => {
      connection.on('message', (data) => connection.send(data));
    });
    const client = await new UnixSeqpacket().connect(server.address());
    const received = [];
    const ended = new Promise((resolve) => client.once('close', resolve));
    client.on('message', (data) => {
      received.push(String(data));
      if (received.length === 3) client.end();
    });
    for (const text of ['a', '', 'b']) await client.send(text);
    await ended;
    await server.close();
    say({ received });
  },

  watchdog() {
    say({ timeout: libsystemd.watchdog.timeout() });
    libsystemd.watchdog.start();
    setTimeout(() => {}, 10_000);
  },

  pressure() {
    const tell = ({ stalled }) => say({ stalled: stalled ?? null });
    say({ source: libsystemd.onMemoryPressure(tell, { collect: true }).source });
    setInterval(() => {}, 1000);
  },

  environment() {
    const { credentials, directory, invocationId, bootId, machineId, unitOf } = environment;
    const server = net.createServer((socket) => {
      say({ peer: environment.peerUnit(socket) ?? null });
      socket.end();
    });
    say({
      credential: credentials.text('key'),
      state: directory('state'),
      ids: [invocationId(), bootId(), machineId(input.app)],
      unit: unitOf('self') ?? null,
      started: environment.startedByManager(),
      remote: environment.remote(),
    });
    return listen(server).then(([address]) => say({ address }));
  },

  async thread() {
    if (isMainThread) {
      listenFds();
      const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
      worker.on('message', say);
      return;
    }
    parentPort.postMessage({ address: (await listen(createAnsweringServer()))[0] });
  },

  async cluster() {
    if (isPrimary) {
      listenFds(); // before node:cluster is loaded
      const { default: cluster } = await import('node:cluster');
      // The same as in serve(). By default Deno's primary hands over connections that its workers do not always see.
      cluster.schedulingPolicy = cluster.SCHED_NONE;
      const worker = cluster.fork();
      process.on('SIGTERM', () => {
        worker.process.kill('SIGKILL');
        process.exit();
      });
      return;
    }
    const names = listenFds().map(({ name }) => name);
    for (const name of names)
      say({ address: (await listen(createAnsweringServer(), { name }))[0] });
  },

  async serve() {
    const server = servers[input.kind]();
    process.on('exit', (code) => isPrimary && say({ exit: code }));
    const service = await serve(server, {
      fallback: { port: 0, host: '127.0.0.1' },
      ...(input.workers && { workers: input.workers }),
      reload: () => say({ reloaded: true }),
      drain() {
        setTimeout(onDrain, 100);
        // Needed in Bun only. Node counts none of these connections as idle.
        setInterval(() => server.app?.closeIdleConnections(), 200).unref();
      },
    });
    if (isPrimary) say({ address: service.addresses[0] });
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

// The program ends even if the test that has started it does not end it.
setTimeout(() => process.exit(9), 60_000).unref();

try {
  await programs[program]();
} catch ({ code, message }) {
  say({ refused: code, message });
  process.exitCode = 1;
}
