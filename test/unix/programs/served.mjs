// A service on Unix sockets of messages, which answers each message with the same.
//
//   served.mjs listen|serve|worker|store datagram|seqpacket [OPTIONS]
import cluster from 'node:cluster';
import { fdStore, listen, listenFds, serve } from 'libsystemd';
import { UnixDatagram, UnixSeqpacketServer } from 'libsystemd/unix';

const [, , how, kind, json = '{}'] = process.argv;
const options = JSON.parse(json);

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function makeDatagram() {
  const socket = new UnixDatagram({ credentials: true });
  socket.on('message', async (data, { from }) => {
    say({ received: String(data) });
    if (options.delay) await new Promise((resolve) => setTimeout(resolve, options.delay));
    await socket.send(data, from);
  });
  return socket;
}

function makeSeqpacket() {
  const server = new UnixSeqpacketServer();
  server.on('connection', (connection) => {
    connection.on('message', (data) => connection.send(data));
    connection.on('error', () => {});
  });
  return server;
}

const make = { datagram: makeDatagram, seqpacket: makeSeqpacket }[kind];

const fail = ({ code, message }) => say({ code, message });
process.on('warning', ({ code }) => say({ warning: code }));

const programs = {
  async listen() {
    const server = make();
    const addresses = await listen(server, options);
    say({ addresses, fds: listenFds().map(({ fd }) => fd), fd: server.fd });
  },

  async serve() {
    const { delay: _delay, ...serveOptions } = options;
    const drain = (reason, { connections }) => say({ reason, open: connections.length });
    const service = await serve(make(), { ...serveOptions, drain });
    say({ addresses: service.addresses });
    await service.stopped;
    say({ stopped: true });
  },

  async worker() {
    if (cluster.isPrimary) {
      if (options.announces) listenFds();
      cluster.fork();
      process.on('SIGTERM', () => cluster.disconnect());
    } else {
      if (options.uid) process.setuid(options.uid);
      say({ addresses: await listen(make(), {}) });
    }
  },

  async store() {
    const server = make();
    await listen(server, options);
    say({ stored: fdStore.add('kept', server) });
  },
};

await programs[how]().catch(fail);
