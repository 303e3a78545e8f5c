// Clients that run a command over SSH, on a connection each time.
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import ssh2 from 'ssh2';

export function connect({ host, port }) {
  return {
    async exchange(words) {
      const client = new ssh2.Client().connect({ host, port, username: 'a', password: 'b' });
      await once(client, 'ready');
      const output = await new Promise((resolve, reject) => {
        client.exec(words, (error, stream) =>
          error ? reject(error) : text(stream).then(resolve, reject),
        );
      });
      client.end();
      await once(client, 'close');
      if (output !== words) throw new Error(`Sent ${words}, received ${output}`);
    },
    end() {},
  };
}
