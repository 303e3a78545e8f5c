// Clients that GET a page while a command runs some times. Half of them keep their connection alive. Prints the outcome
// as JSON: the number of requests, and the failures by their reason. A failure is an error of the connection, or a
// status other than 200. No request is sent twice.
//
//   visitors.mjs JSON
//
// JSON is an object:
//
//   target: options of http.get()
//   clients, requests: the number of clients, and the least number of requests of all together
//   command, times: a command, and how often it runs, evenly over the requests
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const { target, clients, requests, command, times } = JSON.parse(process.argv[2]);
const [program, ...args] = command;
const run = promisify(execFile);

/** Milliseconds after which a request without a response counts as lost. */
const RESPONSE_TIMEOUT = 20_000;

/** After this many failures nothing is worth waiting for. */
const MOST_FAILURES = 12;

const outcome = { requests: 0, failures: {}, slowest: 0 };
let failures = 0;
let done = false;

function print() {
  console.log(JSON.stringify(outcome));
  process.exit();
}

async function visit(agent) {
  const sent = get({ ...target, agent, timeout: RESPONSE_TIMEOUT });
  sent.once('timeout', () => sent.destroy(new Error('no answer')));
  const [response] = await once(sent, 'response');
  sent.on('error', () => {}); // the body decides
  for await (const _ of response);
  if (!response.complete) throw new Error('cut answer');
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
}

async function visitAgainAndAgain(keepAlive) {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  while (!done) {
    const start = performance.now();
    outcome.requests++;
    await visit(agent).catch(({ code, message }) => {
      const reason = code ?? message;
      outcome.failures[reason] = (outcome.failures[reason] ?? 0) + 1;
      if (++failures >= MOST_FAILURES) print();
    });
    outcome.slowest = Math.max(outcome.slowest, Math.round(performance.now() - start));
    await sleep(5 + Math.random() * 20);
  }
  agent.destroy();
}

async function runCommands() {
  for (let i = 1; i <= times; i++) {
    while (outcome.requests < (i * requests) / (times + 1)) await sleep(5);
    await run(program, args);
    const before = outcome.requests;
    while (outcome.requests < before + 2 * clients) await sleep(5); // the new process serves
  }
  while (outcome.requests < requests) await sleep(5);
}

const visitors = Array.from({ length: clients }, (_, i) => visitAgainAndAgain(i % 2 === 0));
await runCommands();
done = true;
await Promise.all(visitors);
print();
