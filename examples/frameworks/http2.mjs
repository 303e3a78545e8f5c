import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { serve } from 'libsystemd';

const credential = (name) => readFileSync(`${process.env.CREDENTIALS_DIRECTORY}/${name}`);
const server = createSecureServer(
  { key: credential('tls.key'), cert: credential('tls.crt'), allowHTTP1: true },
  (request, response) => request.pipe(response),
);
await serve(server, { fallback: { port: 3000 } });
