// The server of serve.mjs as a CommonJS module, which has no port without a socket of systemd.
const { createServer } = require('node:http');
const { serve } = require('libsystemd');

serve(createServer((_request, response) => response.end('Hello\n')));
