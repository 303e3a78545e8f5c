// Clients of echo.mjs, while something is done to it; what came of their requests, as JSON. None is
// sent twice. The one argument is, as JSON:
//
//   targets: where to ask, by name, for http.request()
//   path: '/' by default
//   clients, keepAlive: how many for each, and whether they keep a connection as long as they may
//   pause: [least, most] milliseconds from an answer to the next request of a client
//   requests, seconds: go on for at least so many of each target, and so long
//   command, times: what to do, so many times, evenly over the requests
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const {
  targets,
  path = '/',
  clients,
  keepAlive,
  pause: [least, most] = [0, 0],
  requests = 0,
  seconds = 0,
  command: [command, ...args] = [],
  times = 0,
} = JSON.parse(process.argv[2]);

/** Without an answer for so long a request is lost. */
const PATIENCE = 30_000;

/** Most are small; some take more than one read. */
const bodies = Array.from({ length: 50 }, (_, i) => Buffer.alloc(i === 0 ? 200_000 : 10 + i, 'x'));

const run = promisify(execFile);
const between = (low, high) => low + Math.random() * (high - low);

const outcomes = Object.fromEntries(
  Object.keys(targets).map((name) => [
    name,
    { requests: 0, failures: {}, reused: 0, last: 0, instances: new Set(), longest: 0 },
  ]),
);

async function ask(target, agent, body, outcome) {
  const asked = request({ ...target, path, agent, method: 'POST', timeout: PATIENCE });
  asked.once('timeout', () => asked.destroy(new Error('no answer')));
  asked.end(body);
  const [response] = await once(asked, 'response');
  asked.on('error', () => {}); // what was received tells
  const echo = await buffer(response);
  if (response.statusCode !== 200 || !echo.equals(body)) throw new Error('wrong answer');
  if (asked.reusedSocket) outcome.reused++;
  if (response.headers.connection === 'close') outcome.last++;
  outcome.instances.add(response.headers.instance);
}

function fail({ failures }, { code, message }) {
  const reason = code ?? message;
  failures[reason] = (failures[reason] ?? 0) + 1;
}

let done = false;

async function client(target, outcome) {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  while (!done) {
    const start = performance.now();
    const body = bodies[outcome.requests++ % bodies.length];
    await ask(target, agent, body, outcome).catch((error) => fail(outcome, error));
    outcome.longest = Math.max(outcome.longest, performance.now() - start);
    if (most > 0) await sleep(between(least, most));
  }
  agent.destroy();
}

/** Until each target was asked so many times. */
async function untilAsked(wanted) {
  while (Object.values(outcomes).some((outcome) => outcome.requests < wanted)) await sleep(5);
}

async function disturb() {
  for (let i = 1; i <= times; i++) {
    await untilAsked((i * requests) / (times + 1));
    await sleep(between(0, 100));
    await run(command, args);
  }
  await untilAsked(requests);
}

const running = Object.entries(targets).flatMap(([name, target]) =>
  Array.from({ length: clients }, () => client(target, outcomes[name])),
);
await Promise.all([disturb(), sleep(1_000 * seconds)]);
done = true;
await Promise.all(running);

const tell = ({ instances, longest, ...others }) => ({
  ...others,
  instances: instances.size,
  longest: Math.round(longest),
});
const told = Object.entries(outcomes).map(([name, outcome]) => [name, tell(outcome)]);
console.log(JSON.stringify(Object.fromEntries(told)));
