// Takes the inherited socket if there is one, else makes its own; more than one is an error.
import { createServer } from 'node:net';
import { formatAddress, listen } from 'libsystemd';

const server = createServer((socket) => socket.end('Hello from compat\n'));
const address = await listen(server, { fallback: process.env.COMPAT_SOCKET ?? '/run/foobar.sk' });
console.log(`Listening on ${formatAddress(address)}`);
process.once('SIGTERM', () => server.close());
