// A server started by its sockets, as systemd would start it, from the first connection to the stop.
// Everything is real but the service manager, which a machine booted without systemd does not have:
// systemd-socket-activate opens the sockets, and a receiver of ours takes the notifications.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  activate,
  freePort,
  get,
  getWhenThere,
  openReceiver,
  socketActivateVersion,
} from './stage.mjs';

const DEADLINE = 9_000;
const WATCHDOG_USEC = 1_000_000;
const begun = performance.now();

// --- Giving up: everything that waits gets this signal ---

const givenUp = new AbortController();
const { signal } = givenUp;

/** Gives up. Only the first reason counts, because the others follow from it. */
function giveUp(message) {
  givenUp.abort(new Error(message));
}

function expect(isSo, otherwise) {
  if (!isSo) throw new Error(otherwise);
}

// --- What is printed ---

const steps = [];

function step(title) {
  console.log(`\n${steps.push(title)}. ${title}`);
}

function say(line) {
  console.log(`   ${line}`);
}

function since(start) {
  return `${Math.round(performance.now() - start)} ms`;
}

function sayTable(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => `${row[i]}`.length)));
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      typeof cell === 'number' ? `${cell}`.padStart(widths[i]) : cell.padEnd(widths[i]),
    );
    say(cells.join('  ').trimEnd());
  }
}

function sayDescriptors(descriptors) {
  sayTable([
    ['fd', 'name', 'kind', 'family', 'type', 'local address', 'backlog'],
    ...descriptors.map(({ fd, name, kind, family, type, localAddress, queue }) => {
      const address = localAddress.path ?? `${localAddress.address}:${localAddress.port}`;
      return [fd, name, kind, family, type, address, queue.limit];
    }),
  ]);
}

function sayNotifications(notifications, server) {
  for (const { message, pid } of notifications) {
    say(`from pid ${pid}: ${message.replaceAll('\n', '  ')}`);
    expect(pid === server.pid, `pid ${pid} notified, and the server is ${server.pid}`);
  }
}

// --- The demo ---

async function demo(folder) {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url)));
  const systemd = await socketActivateVersion();
  console.log(`libsystemd ${version} on Node ${process.version} and ${systemd}`);

  step('A receiver takes the place of the service manager, to show what the server tells it');
  const NOTIFY_SOCKET = join(folder, 'notify');
  const receiver = await openReceiver(NOTIFY_SOCKET, signal, giveUp);
  say(`NOTIFY_SOCKET=${NOTIFY_SOCKET}`);
  try {
    await activation({ NOTIFY_SOCKET, WATCHDOG_USEC }, folder, receiver.notifications);
  } finally {
    await receiver.close();
  }
}

async function activation(variables, folder, notifications) {
  step('systemd-socket-activate opens two sockets, and waits for a connection');
  const port = await freePort();
  const sockets = { web: `127.0.0.1:${port}`, admin: join(folder, 'admin.sock') };
  const program = join(import.meta.dirname, 'server.mjs');
  const server = activate({ sockets, variables, program }, giveUp);
  sayTable(Object.entries(sockets));
  try {
    await requests({ port, host: '127.0.0.1', signal }, { socketPath: sockets.admin, signal });
    await notified(server, notifications);
  } finally {
    await server.kill();
  }
}

async function requests(web, admin) {
  step('GET over TCP: the request starts examples/demo/server.mjs, and waits until it serves');
  const asked = performance.now();
  sayHello(await getWhenThere(web), asked);

  step('GET again: the server is there');
  const askedAgain = performance.now();
  sayHello(await get(web), askedAgain);

  step('GET over the Unix socket: the server lists the sockets that it inherited');
  const { status, body } = await get(admin);
  expect(status === 200, `GET was answered with ${status} ${body}`);
  const descriptors = JSON.parse(body);
  sayDescriptors(descriptors);
  const names = descriptors.map(({ name }) => name).join(' and ');
  expect(names === 'web and admin', `the sockets web and admin were passed, and it got ${names}`);
}

function sayHello({ status, body }, asked) {
  expect(body === 'Hello from systemd\n', `GET was answered with ${status} ${body}`);
  say(`${status} ${body.trimEnd()} (${since(asked)})`);
}

async function notified(server, notifications) {
  step('What the server told the service manager so far: ready, and alive twice a second');
  const told = await notifications.until('WATCHDOG=1', 2, signal);
  sayNotifications(told, server);
  expect(told[0].message.startsWith('READY=1\n'), 'the server did not say READY=1 first');

  step('SIGTERM, as from systemctl stop');
  const ending = server.stop();
  sayNotifications(await notifications.until('STOPPING=1', 1, signal), server);
  const how = await Promise.race([ending, untilGivenUp()]);
  expect(how === 0, `the server ended with ${how}`);
  say(`exit code ${how}`);
}

function untilGivenUp() {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

// --- Start and end ---

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(name, () => giveUp(`stopped by ${name}`));
}
process.stdout.once('error', ({ message }) =>
  giveUp(`standard output can't be written: ${message}`),
);
const deadline = setTimeout(() => {
  giveUp(`not done after ${DEADLINE / 1000} s, at: ${steps.at(-1)}`);
}, DEADLINE);
let folder;
try {
  folder = await mkdtemp(join(tmpdir(), 'libsystemd-demo-'));
  await demo(folder);
  signal.throwIfAborted();
  console.log(`\nDone in ${since(begun)}. Nothing is left running, and nothing in ${tmpdir()}.`);
} catch (error) {
  const { message } = signal.aborted ? signal.reason : error;
  console.error(`demo: ${message.split('\n')[0]}`);
  process.exitCode = 1;
} finally {
  clearTimeout(deadline);
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}
