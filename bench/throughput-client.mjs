// In the bed: sends each server as many requests as it can handle, in turn. Prints the microseconds of a request as
// JSON.
//
//   throughput-client.mjs ROUNDS PORT...
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { measureInTurn } from './rounds.mjs';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** The number of kept-alive connections, each with one request under way. */
const CONNECTIONS = 32;

/** The milliseconds of each round. */
const ROUND = 250;

/** Sends requests on one connection until `isOver()`. Returns the number of responses. */
async function countResponses(port, isOver) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let answers = 0;
  socket.on('data', () => {
    // Each response is small, and so comes in one piece.
    answers++;
    if (isOver()) socket.destroy();
    else socket.write(REQUEST);
  });
  socket.write(REQUEST);
  await once(socket, 'close');
  return answers;
}

/** Measures the microseconds of a request under full load. */
async function measureLoad(port) {
  let over = false;
  const begun = performance.now();
  const clients = Array.from({ length: CONNECTIONS }, () => countResponses(port, () => over));
  await sleep(ROUND);
  over = true;
  const answers = (await Promise.all(clients)).reduce((sum, count) => sum + count, 0);
  return ((performance.now() - begun) * 1000) / answers;
}

const [rounds, ...ports] = process.argv.slice(2).map(Number);
// Two rounds that don't count, in which V8 compiles the servers' code.
for (const port of [...ports, ...ports]) await measureLoad(port);
console.log(
  JSON.stringify(
    await measureInTurn(
      ports.map((port) => () => measureLoad(port)),
      rounds,
    ),
  ),
);
