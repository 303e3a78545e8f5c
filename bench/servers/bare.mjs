// A minimal server on a socket of systemd, without this package.
import { createServer } from 'node:http';

createServer((_request, response) => response.end('Hello\n')).listen({ fd: 3 });
