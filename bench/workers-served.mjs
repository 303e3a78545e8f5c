// Cluster workers on the passed socket, by serve().
//
//   workers-served.mjs COUNT
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { serve } from 'libsystemd';
import { reportAndEnd } from './workers-report.mjs';

const server = createServer((_request, response) => response.end('Hello\n'));
await serve(server, { workers: Number(process.argv[2]) });
if (cluster.isPrimary) reportAndEnd();
