// A service that was started for one connection, and the cluster worker that it starts.
import cluster from 'node:cluster';
import { connection, listenFds } from 'libsystemd';

function outcome() {
  try {
    return connection() === undefined ? 'undefined' : 'a socket';
  } catch ({ code }) {
    return code;
  }
}

if (cluster.isPrimary) {
  if (process.argv[2] === 'taken') listenFds();
  cluster.fork();
} else {
  process.stdout.write(outcome(), () => process.exit());
}
