// Receives or sends Unix datagrams by one of the packages, and prints figures as JSON. Started in the folder of the
// other packages.
//
//   messages-child.mjs receive libsystemd|unix-dgram PATH COUNT
//       prints 'ready', and when all have come { wall, cpu }: microseconds a message
//   messages-child.mjs send PATH COUNT          sends by send(), prints the microseconds of one
//   messages-child.mjs wait PATH COUNT          the same, prints how many it has sent
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , mode, ...args] = process.argv;
const require = createRequire(join(process.cwd(), 'program.js'));
const { UnixDatagram } = await import('../dist/unix.js');

/** Each opens a socket that calls `onMessage`. */
const receivers = {
  libsystemd: (path, onMessage) => new UnixDatagram().bind(path).on('message', onMessage),
  'unix-dgram': (path, onMessage) =>
    require('unix-dgram').createSocket('unix_dgram', onMessage).bind(path),
};

function receive(name, path, count) {
  let received = 0;
  let start = 0n;
  let usage;
  receivers[name](path, () => {
    if (received++ === 0) {
      start = process.hrtime.bigint();
      usage = process.cpuUsage();
    }
    if (received < count) return;
    const { user, system } = process.cpuUsage(usage);
    const wall = Number(process.hrtime.bigint() - start) / 1000 / count;
    console.log(JSON.stringify({ wall, cpu: (user + system) / count }));
    process.exit();
  });
  console.log('ready');
}

const message = Buffer.alloc(128, 'x');

/** Sends as fast as the receiver takes the messages. Returns how many were sent. */
async function sendAll(path, count) {
  const socket = new UnixDatagram().connect(path);
  let sent = 0;
  while (sent < count) if (await socket.send(message)) sent++;
  await socket.close();
  return sent;
}

async function send(path, count) {
  const start = process.hrtime.bigint();
  const sent = await sendAll(path, count);
  console.log(Number(process.hrtime.bigint() - start) / 1000 / sent);
}

const wait = async (path, count) => console.log(await sendAll(path, count));

const count = Number(args.at(-1));
if (mode === 'receive') receive(args[0], args[1], count);
else await { send, wait }[mode](args[0], count);
