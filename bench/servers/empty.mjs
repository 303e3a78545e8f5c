// The server of bare.mjs that also imports a package of an empty file.
import { createServer } from 'node:http';
import 'empty';

createServer((_request, response) => response.end('Hello\n')).listen({ fd: 3 });
