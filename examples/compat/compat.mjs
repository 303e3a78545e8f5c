// Listens on the sockets that systemd passed, or else on its own.
import { createServer } from 'node:net';
import { formatAddress, listen } from 'libsystemd';

const server = createServer((socket) => socket.end('Hello from compat\n'));
const fallback = process.env.COMPAT_SOCKET ?? '/run/foobar.sk';
const addresses = await listen(server, { fallback });
console.log(`Listening on ${addresses.map(formatAddress).join(', ')}`);
process.once('SIGTERM', () => server.close());
