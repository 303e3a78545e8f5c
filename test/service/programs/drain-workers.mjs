// A service in cluster workers whose drain hooks print their arguments. The primary and the workers print lines of
// JSON.
import cluster from 'node:cluster';
import http from 'node:http';
import { serve } from 'libsystemd';

const who = cluster.isPrimary ? 'primary' : 'worker';
const say = (line) => process.stdout.write(`${JSON.stringify({ who, ...line })}\n`);
process.on('warning', ({ code, message }) => say({ warning: code, message }));
process.on('exit', (code) => say(cluster.isPrimary ? { exit: code } : { workerExit: code }));

const server = http.createServer((request) => say({ request: request.url }));
const { activated, addresses } = await serve(server, {
  workers: 1,
  stopTimeout: 1_500,
  drain: (reason, { connections, responses }) =>
    say({ drain: reason, open: connections.length, answers: responses.length }),
});
if (cluster.isPrimary) say({ activated, addresses });
