import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { listener } from './listener/server/index.mjs';

await serve(createServer(listener), { fallback: { port: 3000 } });
