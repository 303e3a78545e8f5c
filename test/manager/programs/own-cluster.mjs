// A cluster without serve(): the primary forks a worker process, and replaces it when it ends.
//
//   own-cluster.mjs [listenFds]
//
// With `listenFds` the primary calls listenFds() first. Failures of listen() and ends of workers are lines of JSON on
// stdout.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { listen, listenFds } from 'libsystemd';

if (cluster.isPrimary) {
  if (process.argv[2] === 'listenFds') listenFds();
  const forkWorker = () =>
    cluster.fork().once('exit', (code, signal) => {
      console.log(JSON.stringify({ code, signal }));
      if (code === 0 || signal === 'SIGKILL') forkWorker();
    });
  forkWorker();
} else {
  const server = createServer((request, response) => {
    if (request.url === '/die') process.kill(process.pid, 'SIGKILL');
    response.setHeader('Connection', 'close');
    response.end(`pid ${process.pid}`);
  });
  await listen(server).catch(({ code, message }) => {
    console.log(JSON.stringify({ code, message }));
    process.exit(1);
  });
}
