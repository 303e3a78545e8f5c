// A service in cluster workers in which Object.prototype has properties with the names of options and messages.
import cluster from 'node:cluster';
import http from 'node:http';
import { serve } from 'libsystemd';

const say = (line) => process.stdout.write(`${JSON.stringify({ ...line })}\n`);
process.on('warning', ({ message }) => say({ warning: message }));

Object.assign(Object.prototype, {
  ...{ heartbeat: 1, port: 9, executableFolder: '/nonexistent' },
  ...{ reload: true, stop: 'polluted', cut: true, reloaded: 'polluted', failed: 'polluted' },
});

let reloads = 0;
const service = await serve(http.createServer(), {
  workers: 2,
  reload() {
    reloads++;
  },
});
service.stopped.then((reason) => say({ reason, isPrimary: cluster.isPrimary }));
if (cluster.isPrimary) {
  await service.reload();
  say({ reloads });
}
process.on('exit', (exit) => cluster.isPrimary && say({ exit }));
