// A service with one cluster worker. Prints the scripts that the primary has loaded when it has forked the worker, those that the
// worker has loaded when it serves, and those that it has loaded 1.3 seconds later, as { primary, worker, later }.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Session } from 'node:inspector';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from 'libsystemd';

function loadedScripts() {
  const scripts = [];
  const session = new Session();
  session.connect();
  session.on('Debugger.scriptParsed', ({ params }) => scripts.push(params.url));
  session.post('Debugger.enable');
  session.disconnect();
  return scripts;
}

if (cluster.isPrimary) {
  const atFork = once(cluster, 'fork').then(loadedScripts);
  cluster.on('message', async (_worker, { scripts }) => {
    if (scripts === undefined) return;
    console.log(JSON.stringify({ primary: await atFork, ...scripts }));
    process.exit();
  });
}
await serve(createServer(), { workers: 1 });
if (cluster.isWorker) {
  const worker = loadedScripts();
  await sleep(1_300);
  process.send({ scripts: { worker, later: loadedScripts() } });
}
