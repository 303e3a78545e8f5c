// Cluster workers on the passed socket, by Node alone.
//
//   workers-plain.mjs COUNT
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { reportAndEnd } from './workers-report.mjs';

const count = Number(process.argv[2]);
if (cluster.isPrimary) {
  let listening = 0;
  cluster.on('listening', () => {
    listening++;
    if (listening === count) reportAndEnd();
  });
  for (let i = 0; i < count; i++) cluster.fork();
} else {
  createServer((_request, response) => response.end('Hello\n')).listen({ fd: 3 });
}
