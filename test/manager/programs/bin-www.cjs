#!/usr/bin/env node
// A program that knows nothing of systemd, after the bin/www that generators for Express have made since 2014.
const http = require('node:http');

function normalizePort(value) {
  const port = Number.parseInt(value, 10);
  if (Number.isNaN(port)) return value; // a named pipe
  return port >= 0 ? port : false;
}

const port = normalizePort(process.env.PORT || '3000');
const server = http.createServer((_request, response) => {
  setTimeout(() => response.end(`Hello from ${process.pid}\n`), Math.random() * 50);
});

server.listen(port);
server.on('error', (error) => {
  if (error.syscall !== 'listen') throw error;
  console.error(`${port} is in use, or needs privileges`);
  process.exit(1);
});
server.on('listening', () => {
  const address = server.address();
  console.log(`Listening on ${typeof address === 'string' ? address : address.port}`);
});
