// Clients of a program that exchange messages with it while a command runs some times. Prints the outcome as JSON.
//
//   load.mjs JSON
//
// JSON is an object:
//
//   client: the module of clients/ without its extension. It exports connect(target, index), which returns a client:
//     exchange(words) sends something and rejects unless the right answer comes; end() closes what is open
//   target: the host, the port, and further properties for the client
//   clients: how many
//   pause: the milliseconds from one exchange of a client to its next
//   command, times: a command, and how often it runs
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const { client, target, clients, pause, command, times } = JSON.parse(process.argv[2]);
const { connect } = await import(`./clients/${client}.mjs`);
const run = promisify(execFile);

/** The milliseconds after which an exchange without an answer counts as lost. */
const ANSWER_TIMEOUT = 15_000;

/** The milliseconds in which the clients exchange messages before and after each command. */
const LULL = 200;

/** The milliseconds after which all is given up. */
const DEADLINE = 180_000;

setTimeout(() => {
  console.error(`Not done after ${DEADLINE} ms: ${JSON.stringify({ counts, failures })}`);
  process.exit(1);
}, DEADLINE).unref();

const failures = {};
const counts = Array(clients).fill(0);
let slowest = 0;
let done = false;

async function exchangeOnce(connection, words) {
  let timeout;
  const late = new Promise((_resolve, reject) => {
    timeout = setTimeout(() => reject(new Error('no answer')), ANSWER_TIMEOUT);
  });
  try {
    await Promise.race([connection.exchange(words), late]);
  } catch (error) {
    const reason = `${error.code ?? ''} ${error.message}`.trim();
    failures[reason] = (failures[reason] ?? 0) + 1;
  } finally {
    clearTimeout(timeout);
  }
}

async function runClient(index) {
  const connection = await connect(target, index);
  while (!done) {
    const start = performance.now();
    await exchangeOnce(connection, `client ${index}, exchange ${counts[index]}`);
    slowest = Math.max(slowest, performance.now() - start);
    counts[index]++;
    await sleep(pause);
  }
  await connection.end();
}

/** Waits until each client has begun and ended an exchange from now on. */
async function waitForExchanges() {
  const before = [...counts];
  while (counts.some((count, index) => count < before[index] + 2)) await sleep(5);
}

const running = Array.from({ length: clients }, (_, index) => runClient(index));
await waitForExchanges();
for (let i = 0; i < times; i++) {
  await sleep(LULL);
  await run(command[0], command.slice(1));
  await waitForExchanges();
}
await sleep(LULL);
done = true;
await Promise.all(running);
const exchanges = counts.reduce((sum, count) => sum + count, 0);
console.log(JSON.stringify({ exchanges, failures, slowest: Math.round(slowest) }));
process.exit(0); // a client library may keep timers
