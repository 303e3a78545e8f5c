import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { createJournal } from 'libsystemd/journal';

const journal = createJournal({ identifier: 'shop', fields: { RELEASE: '1.4.0' } });

const orders = new Map([['7', { total: 12 }]]);

function answer(request) {
  const id = request.url.slice(1);
  if (id === 'broken') throw new Error('The database is gone', { cause: new Error('ECONNRESET') });
  return orders.get(id);
}

const server = createServer((request, response) => {
  try {
    const order = answer(request);
    response.statusCode = order === undefined ? 404 : 200;
    response.end(`${JSON.stringify(order ?? null)}\n`);
    journal.send({
      message: `${request.method} ${request.url}`, // from outside: nothing in it can forge a field
      priority: order === undefined ? 'notice' : 'info',
      fields: { HTTP_STATUS: response.statusCode, CLIENT: request.socket.remoteAddress },
    });
  } catch (error) {
    response.writeHead(500).end('It failed\n');
    journal.send({ message: `${request.url} failed`, error }); // priority err, with the stack
  }
});
await serve(server, { fallback: { port: 3080 } });
