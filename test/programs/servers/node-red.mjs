import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import { serve } from 'libsystemd';
import RED from 'node-red';

const app = express();
const server = createServer(app);
RED.init(server, {
  userDir: process.env.STATE_DIRECTORY,
  flowFile: `${import.meta.dirname}/flows.json`,
  httpAdminRoot: '/admin',
  httpNodeRoot: '/',
});
app.use('/admin', RED.httpAdmin);
app.use(RED.httpNode);
const flowsRun = once(RED.events, 'flows:started');
await RED.start();
await flowsRun; // start() does not wait for them
await serve(server, { fallback: { port: 1880 }, stop: () => RED.stop() });
