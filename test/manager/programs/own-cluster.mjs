// A cluster of the program's own: the primary only forks and replaces its workers, unless it is told to
// look first. What becomes of a worker's listen() is a line of JSON on stdout.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { listen, listenFds } from 'libsystemd';

if (cluster.isPrimary) {
  if (process.argv[2] === 'looks') listenFds();
  const replace = () =>
    cluster.fork().once('exit', (code, signal) => {
      console.log(JSON.stringify({ code, signal }));
      if (code === 0 || signal === 'SIGKILL') replace();
    });
  replace();
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
