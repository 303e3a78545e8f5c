// So many cluster workers, on the socket that systemd passed, by Node alone.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { report } from './workers-report.mjs';

const count = Number(process.argv[2]);
if (cluster.isPrimary) {
  let listening = 0;
  cluster.on('listening', () => {
    listening++;
    if (listening === count) report();
  });
  for (let i = 0; i < count; i++) cluster.fork();
} else {
  createServer((_request, response) => response.end('Hello\n')).listen({ fd: 3 });
}
