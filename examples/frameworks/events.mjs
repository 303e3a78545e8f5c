import { createServer } from 'node:http';
import { serve } from 'libsystemd';

let draining = false;
const server = createServer((request, response) => {
  if (request.url !== '/events') return request.pipe(response);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write('data: hello\n\n');
  if (draining) response.end();
});
await serve(server, {
  fallback: { port: 3000 },
  drain(_reason, { responses }) {
    draining = true;
    for (const response of responses) if (response.req.url === '/events') response.end();
  },
});
