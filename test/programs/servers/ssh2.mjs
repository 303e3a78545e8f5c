import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { serve } from 'libsystemd';
import ssh2 from 'ssh2';

const hostKeys = [readFileSync(`${process.env.CREDENTIALS_DIRECTORY}/ssh.key`)];
const ssh = new ssh2.Server({ hostKeys }, (client) => {
  client.on('error', () => {}); // its connection closes
  client.on('authentication', (context) => context.accept());
  client.on('session', (accept) => {
    accept().on('exec', (acceptCommand, _reject, { command }) => {
      const stream = acceptCommand();
      stream.end(command);
      stream.exit(0);
      stream.close();
    });
  });
});
await serve(
  createServer((socket) => ssh.injectSocket(socket)),
  { fallback: { port: 2222 } },
);
