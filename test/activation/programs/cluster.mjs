// A primary and its workers, which listen by the same lines as any other program does. What to do
// is a JSON object in argv; what happens is said in lines of JSON on stdout.
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
  steps = [], // of each worker: the name of what to listen on, `udp` by dgram, or `close`
  options = {}, // for listen()
  uid, // of the workers
  files, // 'before' or 'after' listenFds() the primary opens so many that a copy's number is taken
  busy = false, // whether the primary is slow to answer
  children = false, // whether workers start a process that says what it is passed
  ssOf = [], // descriptors of the primary whose backlogs to tell when all workers are done
} = JSON.parse(process.argv[2]);

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const facts = ({ code, message }) => ({ code, message });

/** Answers with its PID and step, and listens no longer: the next client gets another server. */
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

/** What a process that a worker starts is told of the descriptors. */
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
  // Messages keep their order: whatever the primary does about a server is done by then.
  let done = 0;
  cluster.on('message', () => {
    done++;
    if (done === workers) say({ backlogs: addresses.map(backlog) });
  });
  // When all have gone, another one takes over. Node's own list may still have one that has ended.
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
