// A cluster worker: serves http and https on the sockets that the primary inherited.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { listen } from 'libsystemd';

const answer = (request, response) => response.end(`${process.pid} serves ${request.url}\n`);

function createServer({ protocol, key, cert }) {
  if (protocol === 'http') return http.createServer(answer);
  return https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer);
}

export async function work(listeners) {
  const servers = listeners.filter(({ protocol }) => protocol === 'http' || protocol === 'https');
  for (const listener of servers) await listen(createServer(listener), { name: listener.name });
  process.send('listening');
}
