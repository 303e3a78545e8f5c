// The barest server on a socket that systemd opened, without this package.
import { createServer } from 'node:http';

createServer((_request, response) => response.end('Hello\n')).listen({ fd: 3 });
