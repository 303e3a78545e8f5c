// A cluster worker that lists its primary's descriptors while it has no free descriptor to open /proc
// with.
import cluster from 'node:cluster';
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { inspect, listenFds } from 'libsystemd';

const openFiles = () => readdirSync('/proc/self/fd').length;

function countListed() {
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
  const meanwhile = [countListed(), countListed()];
  taken.forEach(closeSync);
  const after = countListed();
  writeSync(1, `${JSON.stringify({ meanwhile, after, left: openFiles() - before })}\n`);
  process.disconnect();
}
