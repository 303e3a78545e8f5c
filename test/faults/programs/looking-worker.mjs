// A cluster worker that looks for what its primary was passed, with no descriptor left to look by.
import cluster from 'node:cluster';
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { inspect, listenFds } from 'libsystemd';

const openFiles = () => readdirSync('/proc/self/fd').length;

function look() {
  try {
    return listenFds().length;
  } catch ({ code, syscall }) {
    return { code, syscall };
  }
}

if (cluster.isPrimary) {
  cluster.fork();
} else {
  inspect(0); // loads the add-on
  const before = openFiles();
  const taken = [];
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch {}
  const meanwhile = [look(), look()];
  taken.forEach(closeSync);
  const after = look();
  writeSync(1, `${JSON.stringify({ meanwhile, after, left: openFiles() - before })}\n`);
  process.disconnect();
}
