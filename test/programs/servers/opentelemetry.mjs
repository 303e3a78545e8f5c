// node --import ./opentelemetry-setup.mjs opentelemetry.mjs
import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { sdk } from './opentelemetry-setup.mjs';

const server = createServer((request, response) => request.pipe(response));
await serve(server, { fallback: { port: 3000 }, stop: () => sdk.shutdown() });
