// The server of listen.mjs as a CommonJS module.
const { createServer } = require('node:http');
const { listen, notify, watchdog } = require('libsystemd');

const server = createServer((_request, response) => response.end('Hello\n'));
listen(server).then(() => {
  notify.ready();
  watchdog.start();
});
