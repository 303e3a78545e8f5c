import { createServer } from 'node:http';
import express from 'express';
import { serve } from 'libsystemd';

const app = express();
app.post('/', (request, response) => request.pipe(response));
await serve(createServer(app), { fallback: { port: 3000 } });
