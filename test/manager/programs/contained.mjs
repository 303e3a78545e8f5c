// An HTTP server as a container runs it. The response to / has facts of the process as JSON.
//
//   contained.mjs [plain]
//
// With `plain` it is served by Node alone, and nothing handles SIGTERM.
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { notify, serve } from 'libsystemd';
import { implementation } from 'libsystemd/sd';

const server = createServer((_request, response) => {
  const { library = 'none' } = implementation;
  response.end(JSON.stringify({ pid: process.pid, library, bin: readdirSync('/usr/bin') }));
});
if (process.argv[2] === 'plain') {
  server.listen({ fd: 3 });
  notify.ready();
} else {
  await serve(server);
}
