// Clients of echo.mjs, while something is done to it; what came of their requests, as JSON. None is
// sent twice, but for streams that GOAWAY has refused, which nobody has handled (RFC 9113, 6.8). The one argument is, as JSON:
//
//   targets: where to ask, by name, for http.request(); of kind h2 by HTTP/2, and of kind udp by datagrams
//   path: '/' by default
//   clients, keepAlive: how many for each, and whether they keep a connection as long as they may
//   pause: [least, most] milliseconds from an answer to the next request of a client
//   requests, seconds: go on for at least so many of each target, and so long
//   command, times: what to do, so many times, evenly over the requests
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

/** Without an answer for so long a request is lost. */
const PATIENCE = 30_000;

/** Most are small; some take more than one read. */
const bodies = Array.from({ length: 50 }, (_, i) => Buffer.alloc(i === 0 ? 200_000 : 10 + i, 'x'));

const run = promisify(execFile);
const between = (low, high) => low + Math.random() * (high - low);

const outcomes = Object.fromEntries(
  Object.keys(targets).map((name) => [
    name,
    { requests: 0, failures: {}, reused: 0, last: 0, refused: 0, instances: new Set(), longest: 0 },
  ]),
);

/** Asks by HTTP/1. */
function askHttp(target) {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  return {
    async ask(body, outcome) {
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
    },
    end: () => agent.destroy(),
  };
}

/** Asks by HTTP/2, on one session for all until GOAWAY has come. */
function askHttp2({ host, port }) {
  let session;
  function connected() {
    if (session === undefined || session.closed || session.destroyed) {
      session = connectHttp2(`http://${host}:${port}`).on('error', () => {});
      session.on('goaway', () => session.close());
    }
    return session;
  }
  return {
    async ask(body, outcome) {
      const asked = connected().request({ ':method': 'POST', ':path': path });
      asked.setTimeout(PATIENCE, () => asked.destroy(new Error('no answer')));
      asked.end(body);
      try {
        const [headers] = await once(asked, 'response');
        const echo = await buffer(asked);
        if (headers[':status'] !== 200 || !echo.equals(body)) throw new Error('wrong answer');
        outcome.instances.add(headers.instance);
      } catch (error) {
        // The latter is one that the client has not even sent.
        const isRefused = /REFUSED_STREAM/.test(error.message);
        if (!isRefused && error.code !== 'ERR_HTTP2_GOAWAY_SESSION') throw error;
        outcome.refused++;
        await this.ask(body, outcome);
      }
    },
    end: () => session?.close(),
  };
}

/** Asks by datagrams. */
function askDatagrams({ host, port }) {
  const socket = createSocket('udp4');
  let number = 0;
  return {
    async ask(_body, outcome) {
      const question = `${process.pid}.${number++}`;
      socket.send(question, port, host);
      const late = sleep(PATIENCE, 'late', { ref: false });
      for (;;) {
        const come = await Promise.race([once(socket, 'message'), late]);
        if (come === 'late') throw new Error('no answer');
        const [instance, echo] = String(come[0]).split(' ');
        if (echo !== question) continue; // of one that was given up
        outcome.instances.add(instance);
        return;
      }
    },
    end: () => socket.close(),
  };
}

const askers = { h2: askHttp2, udp: askDatagrams };

function fail({ failures }, { code, message }) {
  const reason = code ?? message;
  failures[reason] = (failures[reason] ?? 0) + 1;
}

let done = false;

async function client(asker, outcome) {
  while (!done) {
    const start = performance.now();
    const body = bodies[outcome.requests++ % bodies.length];
    await asker.ask(body, outcome).catch((error) => fail(outcome, error));
    outcome.longest = Math.max(outcome.longest, performance.now() - start);
    if (most > 0) await sleep(between(least, most));
  }
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

/** Clients of HTTP/2 share a session, and the others each have a connection or socket. */
function askersOf({ kind, ...target }) {
  const make = () => (askers[kind] ?? askHttp)(target);
  const shared = kind === 'h2' ? make() : undefined;
  return Array.from({ length: clients }, () => shared ?? make());
}

const running = Object.entries(targets).flatMap(([name, target]) =>
  askersOf(target).map(async (asker) => {
    await client(asker, outcomes[name]);
    return asker;
  }),
);
await Promise.all([disturb(), sleep(1_000 * seconds)]);
done = true;
for (const asker of new Set(await Promise.all(running))) asker.end();

const tell = ({ instances, longest, ...others }) => ({
  ...others,
  instances: instances.size,
  longest: Math.round(longest),
});
const told = Object.entries(outcomes).map(([name, outcome]) => [name, tell(outcome)]);
console.log(JSON.stringify(Object.fromEntries(told)));
