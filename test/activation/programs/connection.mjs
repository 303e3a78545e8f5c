// A service for one connection, and a cluster worker that prints whether it has the connection.
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
