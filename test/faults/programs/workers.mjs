// A service in cluster workers whose primary can't start a worker: at first, and again after all
// workers were killed. The first argument says what the primary lacks.
import cluster from 'node:cluster';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
// In one file, because `import 'libsystemd'` opens more files when it starts workers.
import { listenFds, serve } from '../../../dist/whole.js';

const say = (value) => writeSync(1, `${JSON.stringify(value)}\n`);
const waitForTest = () => readSync(0, Buffer.alloc(1));

/** Each function takes something away from the primary. It returns a function that gives it back. */
const lacks = {
  descriptors() {
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
    return () => taken.forEach(closeSync);
  },
  'room for its environment'() {
    process.env.HUGE = 'x'.repeat(2 ** 20);
    return () => delete process.env.HUGE;
  },
  /** The test sets the limit on processes, and removes it again. */
  processes() {
    say('limit');
    waitForTest();
    return () => {
      say('unlimit');
      waitForTest();
    };
  },
};

const server = http.createServer((_request, response) => response.end('hi'));
const start = () => serve(server, { workers: 2 });

const warnings = [];
process.on('warning', ({ code, message }) => warnings.push({ code, message }));
const alive = () => Object.values(cluster.workers).filter((worker) => worker.isConnected());

async function until(check) {
  while (!check()) await sleep(5);
}

async function run() {
  listenFds(); // loads the add-on and libsystemd while nothing is taken away
  const giveBack = lacks[process.argv[2]]();
  const { code, message } = await start().catch((error) => error);
  say({ refused: { code, message }, listed: Object.keys(cluster.workers).length });
  giveBack();

  const service = await start();
  say({ serves: service.addresses.length, workers: alive().length });

  const giveBackAgain = lacks[process.argv[2]]();
  for (const worker of alive()) worker.process.kill('SIGKILL');
  await until(() => warnings.length >= 4);
  say({ warnings: warnings.splice(0), listed: Object.keys(cluster.workers).length });
  giveBackAgain();
  await until(() => alive().length === 2);
  say('replaced');
  await service.stop();
  say('stopped');
}

if (cluster.isPrimary) await run();
else await start();
