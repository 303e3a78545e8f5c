// The server of bare.mjs as a CommonJS module.
const { createServer } = require('node:http');

createServer((_request, response) => response.end('Hello\n')).listen({ fd: 3 });
