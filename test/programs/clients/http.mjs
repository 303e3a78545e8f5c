// Clients of HTTP/1: one in three opens a connection for each request, one keeps its connection, and one keeps its
// connection and sends each body in two parts.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a program takes a text, and gives it back. */
const forms = {
  plain: {
    type: 'text/plain',
    encode: (words) => words,
    decode: (body) => body,
  },
  json: {
    type: 'application/json',
    encode: (words) => JSON.stringify({ words }),
    decode: (body) => JSON.parse(body).words,
  },
  graphql: {
    type: 'application/json',
    encode: (words) => JSON.stringify({ query: `{ echo(text: "${words}") }` }),
    decode: (body) => JSON.parse(body).data.echo,
  },
  trpc: {
    type: 'application/json',
    encode: (words) => JSON.stringify(words),
    decode: (body) => JSON.parse(body).result.data,
  },
};

export function connect({ host, port, path = '/', form = 'plain' }, index) {
  const agent = new Agent({ keepAlive: index % 3 !== 0, maxSockets: 1 });
  const { type, encode, decode } = forms[form];
  return {
    async exchange(words) {
      const body = encode(words);
      const headers = { 'Content-Type': type, 'Content-Length': body.length };
      const sent = request({ agent, host, port, path, method: 'POST', headers });
      const responded = once(sent, 'response');
      responded.catch(() => {}); // it is awaited below
      if (index % 3 === 2) {
        sent.write(body.slice(0, 1));
        await sleep(30);
        sent.end(body.slice(1));
      } else {
        sent.end(body);
      }
      const [response] = await responded;
      sent.on('error', () => {}); // the received body decides
      const received = await text(response);
      if (response.statusCode >= 300) throw new Error(`${response.statusCode} ${received}`);
      if (decode(received) !== words) throw new Error(`Sent ${words}, received ${received}`);
    },
    end: () => agent.destroy(),
  };
}
