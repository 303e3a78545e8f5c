import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { handler } from './build/handler.js';

await serve(createServer(handler), {
  fallback: { port: 3000 },
  stop: () => process.emit('sveltekit:shutdown', 'SIGTERM'),
});
