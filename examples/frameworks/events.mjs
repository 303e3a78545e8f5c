import { createServer } from 'node:http';
import { serve } from 'libsystemd';

const server = createServer((request, response) => {
  if (request.url !== '/events') return request.pipe(response);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write('data: hello\n\n');
});
await serve(server, {
  fallback: { port: 3000 },
  drain(_reason, { responses }) {
    for (const response of responses) if (response.req.url === '/events') response.end();
  },
});
