// Clients of a registry of npm: they publish a package whose description is the words, and read it. One in two keeps its
// connection.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** What `npm publish` sends for a package with one version. */
function publication(name, description) {
  const version = '1.0.0';
  const file = `${name}-${version}.tgz`;
  const data = Buffer.from(description).toString('base64');
  const dist = { tarball: `http://127.0.0.1/${name}/-/${file}` };
  return {
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { name, version, description, dist } },
    _attachments: { [file]: { data, length: description.length } },
  };
}

export function connect({ host, port }, index) {
  const agent = new Agent({ keepAlive: index % 2 === 1, maxSockets: 1 });
  let count = 0;

  async function send(method, path, body = '') {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
    const sent = request({ agent, host, port, path, method, headers });
    sent.end(body);
    const [response] = await once(sent, 'response');
    const received = await text(response);
    if (response.statusCode >= 300) throw new Error(`${response.statusCode} ${received}`);
    return JSON.parse(received);
  }

  return {
    async exchange(words) {
      const name = `client-${process.pid}-${index}-${++count}`;
      await send('PUT', `/${name}`, JSON.stringify(publication(name, words)));
      const { versions } = await send('GET', `/${name}`);
      const { description } = versions['1.0.0'];
      if (description !== words) throw new Error(`Sent ${words}, received ${description}`);
    },
    end: () => agent.destroy(),
  };
}
