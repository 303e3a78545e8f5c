// A primary and its workers, which listen by the same lines as any other program. The orders are a JSON
// object in argv. Primary and workers print what happens, in lines of JSON.
import { execFileSync } from 'node:child_process';
import cluster from 'node:cluster';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { inspect, listen, listenFds } from 'libsystemd';
import { backlog } from './ss.mjs';

const {
  policy,
  taken, // whether the primary calls listenFds()
  workers = 2,
  steps = [], // of each worker: the name of a socket to listen on (`udp`: by dgram), or `close`
  options = {}, // for listen()
  uid, // of the workers
  files, // 'before' or 'after' listenFds(): when the primary opens 800 files, so that low numbers are taken
  busy = false, // whether the primary is slow to answer
  children = false, // whether workers start a child that lists its descriptors
  ssOf = [], // the descriptors whose backlogs the primary prints when all workers are done
} = JSON.parse(process.argv[2]);

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const facts = ({ code, message }) => ({ code, message });

/** Answers one client with its PID and step, and closes, so that the next client gets another server. */
function server(step) {
  const listener = createServer((socket) => {
    listener.close();
    socket.end(`${process.pid} ${step}`);
  });
  return listener;
}

function datagrams(step) {
  const socket = createSocket('udp4', (_message, { port, address }) => {
    socket.send(`${process.pid} ${step}`, port, address);
  });
  return socket;
}

/** The list of descriptors in a child of a worker. */
function childOfWorker() {
  const source = `
    import { listenFds } from 'libsystemd';
    console.log(JSON.stringify(listenFds()));
  `;
  const args = ['--input-type=module', '-e', source];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

function lists() {
  try {
    const passed = listenFds();
    return { passed, same: passed === listenFds(), ...(children && { child: childOfWorker() }) };
  } catch (error) {
    return { refused: facts(error) };
  }
}

async function work() {
  const outcomes = [];
  let last;
  for (const [i, name] of steps.entries()) {
    if (name === 'close') {
      await once(last.close(), 'close');
      continue;
    }
    last = name === 'udp' ? datagrams(i) : server(i);
    const listens = listen(last, { name, ...options });
    outcomes.push(await listens.then(([address]) => address, facts));
  }
  say({ worker: process.pid, outcomes, ...lists() });
  process.send('done');
}

function work20ms() {
  for (const end = Date.now() + 20; Date.now() < end; );
}

function openManyFiles() {
  while (openSync('/dev/null') < 800);
}

function lead() {
  const addresses = ssOf.map((fd) => inspect(fd).localAddress);
  if (files === 'before') openManyFiles();
  if (taken) say({ passed: listenFds() });
  if (files === 'after') openManyFiles();
  if (busy) setInterval(work20ms).unref();
  cluster.schedulingPolicy = policy === 'SCHED_RR' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  if (uid !== undefined) cluster.setupPrimary({ uid });
  // Messages keep their order, so the primary has handled the worker's servers before this message.
  let done = 0;
  cluster.on('message', () => {
    done++;
    if (done === workers) say({ backlogs: addresses.map(backlog) });
  });
  // Forks one more when all have ended. Counted here, because Node's own list may still have an ended one.
  let running = workers;
  cluster.on('exit', () => {
    running--;
    if (running > 0) return;
    running = 1;
    cluster.fork();
  });
  for (let i = 0; i < workers; i++) cluster.fork();
}

if (cluster.isPrimary) lead();
else await work();
