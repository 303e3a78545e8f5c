// Clients of echo.mjs that send requests while a command runs some times. Prints the outcome of each target as JSON.
//
// No request is sent twice, except HTTP/2 streams that a GOAWAY has refused before they were handled (RFC 9113, 6.8).
//
//   load.mjs JSON
//
// JSON is an object:
//
//   targets: options of http.request() by name, with a `kind`: h2 for HTTP/2, udp for datagrams, else HTTP/1
//   path: the path of all requests, by default '/'
//   clients, keepAlive: the number of clients of each target, and whether they reuse their connections
//   pause: [least, most] milliseconds from a response to the next request of the same client
//   requests, seconds: the least number of requests to each target, and the least duration
//   command, times: a command, and how often it runs, evenly over the requests
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
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

/** The milliseconds after which a request without a response counts as lost. */
const RESPONSE_TIMEOUT = 30_000;

/** Most bodies are small. The first takes more than one read. */
const bodies = Array.from({ length: 50 }, (_, i) => Buffer.alloc(i === 0 ? 200_000 : 10 + i, 'x'));

const run = promisify(execFile);
const between = (low, high) => low + Math.random() * (high - low);

const outcomes = Object.fromEntries(
  Object.keys(targets).map((name) => [
    name,
    {
      requests: 0,
      failures: {},
      reused: 0,
      closing: 0,
      refused: 0,
      instances: new Set(),
      slowest: 0,
    },
  ]),
);

/** A client that sends HTTP/1 requests. */
function createHttp1Client(target) {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  return {
    async send(body, outcome) {
      const sent = request({ ...target, path, agent, method: 'POST', timeout: RESPONSE_TIMEOUT });
      sent.once('timeout', () => sent.destroy(new Error('no answer')));
      sent.end(body);
      const [response] = await once(sent, 'response');
      sent.on('error', () => {}); // the received body decides
      const echo = await buffer(response);
      if (response.statusCode !== 200 || !echo.equals(body)) throw new Error('wrong answer');
      if (sent.reusedSocket) outcome.reused++;
      if (response.headers.connection === 'close') outcome.closing++;
      outcome.instances.add(response.headers.instance);
    },
    end: () => agent.destroy(),
  };
}

/** A client that sends HTTP/2 requests over one session, and opens another session after a GOAWAY. */
function createHttp2Client({ host, port }) {
  let session;
  function openSession() {
    if (session === undefined || session.closed || session.destroyed) {
      session = connectHttp2(`http://${host}:${port}`).on('error', () => {});
      session.on('goaway', () => session.close());
    }
    return session;
  }
  return {
    async send(body, outcome) {
      const sent = openSession().request({ ':method': 'POST', ':path': path });
      sent.setTimeout(RESPONSE_TIMEOUT, () => sent.destroy(new Error('no answer')));
      sent.end(body);
      try {
        const [headers] = await once(sent, 'response');
        const echo = await buffer(sent);
        if (headers[':status'] !== 200 || !echo.equals(body)) throw new Error('wrong answer');
        outcome.instances.add(headers.instance);
      } catch (error) {
        // ERR_HTTP2_GOAWAY_SESSION: the client has not sent the stream at all.
        const isRefused = /REFUSED_STREAM/.test(error.message);
        if (!isRefused && error.code !== 'ERR_HTTP2_GOAWAY_SESSION') throw error;
        outcome.refused++;
        await this.send(body, outcome);
      }
    },
    end: () => session?.close(),
  };
}

/** A client that sends datagrams. */
function createUdpClient({ host, port }) {
  const socket = createSocket('udp4');
  let number = 0;
  return {
    async send(_body, outcome) {
      const question = `${process.pid}.${number++}`;
      socket.send(question, port, host);
      const late = sleep(RESPONSE_TIMEOUT, 'late', { ref: false });
      for (;;) {
        const received = await Promise.race([once(socket, 'message'), late]);
        if (received === 'late') throw new Error('no answer');
        const [instance, echo] = String(received[0]).split(' ');
        if (echo !== question) continue; // the late answer to an earlier question
        outcome.instances.add(instance);
        return;
      }
    },
    end: () => socket.close(),
  };
}

const creators = { h2: createHttp2Client, udp: createUdpClient };

function countFailure({ failures }, { code, message }) {
  const reason = code ?? message;
  failures[reason] = (failures[reason] ?? 0) + 1;
}

let done = false;

async function sendRequests(client, outcome) {
  while (!done) {
    const start = performance.now();
    const body = bodies[outcome.requests++ % bodies.length];
    await client.send(body, outcome).catch((error) => countFailure(outcome, error));
    outcome.slowest = Math.max(outcome.slowest, performance.now() - start);
    if (most > 0) await sleep(between(least, most));
  }
}

/** Waits until each target has got `count` requests. */
async function waitForRequests(count) {
  while (Object.values(outcomes).some((outcome) => outcome.requests < count)) await sleep(5);
}

/**
 * Waits until each target has got one request more than it has clients: then one client has sent two from now on, and
 * has received the response to the first.
 */
async function waitForResponse() {
  const counts = Object.values(outcomes).map((outcome) => [outcome, outcome.requests + clients]);
  while (counts.some(([outcome, count]) => outcome.requests <= count)) await sleep(5);
}

/** Runs the command while the clients send requests. After each time a client gets a response. */
async function runCommands() {
  for (let i = 1; i <= times; i++) {
    await waitForRequests((i * requests) / (times + 1));
    await sleep(between(0, 100));
    await run(command, args);
    await waitForResponse();
  }
  await waitForRequests(requests);
}

/** Creates the clients of a target. All clients of HTTP/2 share a session. */
function createClients({ kind, ...target }) {
  const create = () => (creators[kind] ?? createHttp1Client)(target);
  const shared = kind === 'h2' ? create() : undefined;
  return Array.from({ length: clients }, () => shared ?? create());
}

const running = Object.entries(targets).flatMap(([name, target]) =>
  createClients(target).map(async (client) => {
    await sendRequests(client, outcomes[name]);
    return client;
  }),
);
await Promise.all([runCommands(), sleep(1_000 * seconds)]);
done = true;
for (const client of new Set(await Promise.all(running))) client.end();

const summarize = ({ instances, slowest, ...others }) => ({
  ...others,
  instances: instances.size,
  slowest: Math.round(slowest),
});
const summaries = Object.entries(outcomes).map(([name, outcome]) => [name, summarize(outcome)]);
console.log(JSON.stringify(Object.fromEntries(summaries)));
