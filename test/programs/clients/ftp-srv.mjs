// Clients that upload a file over FTP and download it again, in a session each time.
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Client } from 'basic-ftp';

export function connect({ host, port }, index) {
  return {
    async exchange(words) {
      const client = new Client(10_000);
      try {
        await client.access({ host, port });
        await client.uploadFrom(Readable.from([words]), `${index}.txt`);
        const download = new PassThrough();
        const received = text(download);
        await client.downloadTo(download, `${index}.txt`);
        if ((await received) !== words)
          throw new Error(`Sent ${words}, received ${await received}`);
      } finally {
        client.close();
      }
    },
    end() {},
  };
}
