// Beside the manager: asks servers for as much as they can answer, in turn.
//
//   throughput-client.mjs ROUNDS PORT...
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTurn } from './rounds.mjs';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Connections that are kept alive, each with one request under way. */
const CONNECTIONS = 32;

/** Milliseconds of each round. */
const ROUND = 250;

/** One connection: asks again and again until told to stop, and gives how many answers it got. */
async function client(port, isOver) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let answers = 0;
  socket.on('data', () => {
    // The answers are small and alike: each comes whole.
    answers++;
    if (isOver()) socket.destroy();
    else socket.write(REQUEST);
  });
  socket.write(REQUEST);
  await once(socket, 'close');
  return answers;
}

/** Microseconds an answer. */
async function load(port) {
  let over = false;
  const begun = performance.now();
  const clients = Array.from({ length: CONNECTIONS }, () => client(port, () => over));
  await sleep(ROUND);
  over = true;
  const answers = (await Promise.all(clients)).reduce((sum, count) => sum + count, 0);
  return ((performance.now() - begun) * 1000) / answers;
}

const [rounds, ...ports] = process.argv.slice(2).map(Number);
// Has V8 compile what they call.
for (const port of [...ports, ...ports]) await load(port);
console.log(
  JSON.stringify(
    await inTurn(
      ports.map((port) => () => load(port)),
      rounds,
    ),
  ),
);
