import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { serve } from 'libsystemd';
import { credentials, directory } from 'libsystemd/environment';

// LoadCredential= of the unit. By hand: CREDENTIALS_DIRECTORY=./keys node server.mjs
const tls = () => ({ key: credentials.read('tls.key'), cert: credentials.read('tls.crt') });
const greeting = credentials.has('greeting') ? credentials.text('greeting') : 'Hello';

// StateDirectory= of the unit, the only folder that the service may write to, besides /tmp.
const file = join(directory('state', { fallback: './state' }), 'visits');
let visits = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;

const server = createServer(tls(), (_request, response) => {
  visits++;
  response.end(`${greeting}, visitor ${visits}\n`);
});
await serve(server, {
  fallback: { port: 3443 },
  reload: () => server.setSecureContext(tls()), // a new certificate, see README.md
  stop: () => writeFileSync(file, String(visits)),
});
