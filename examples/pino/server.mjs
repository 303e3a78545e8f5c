import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { journal } from 'libsystemd/journal';
import { journalDestination } from 'libsystemd/pino';
import pino from 'pino';

// In a terminal the lines go to the terminal.
const destination = journal.isStream(2) ? journalDestination() : pino.destination(1);
const logger = pino({ level: 'debug', redact: ['token'] }, destination);

const server = createServer((request, response) => {
  const log = logger.child({ client: request.socket.remoteAddress });
  const url = new URL(request.url, 'http://localhost');
  log.debug({ token: url.searchParams.get('token') }, 'A request came');
  try {
    const name = decodeURIComponent(url.pathname.slice(1));
    response.end(`Hello ${name}\n`);
    log.info({ greeted: name }, 'Greeted');
  } catch (error) {
    response.writeHead(400).end('No name\n');
    log.error(error);
  }
});
await serve(server, { fallback: { port: 3081 }, stop: () => logger.info('Stopped') });
