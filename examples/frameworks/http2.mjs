import { createSecureServer } from 'node:http2';
import { serve } from 'libsystemd';
import { credentials } from 'libsystemd/environment';

const server = createSecureServer(
  { key: credentials.read('tls.key'), cert: credentials.read('tls.crt'), allowHTTP1: true },
  (request, response) => request.pipe(response),
);
await serve(server, { fallback: { port: 3000 } });
