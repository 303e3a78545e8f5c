// A service in two cluster workers, of which each process watches for memory pressure.
import { createServer } from 'node:http';
import { serve } from 'libsystemd';

await serve(createServer(), { workers: 2, memoryPressure: true });
process.stdout.write(`${JSON.stringify({ serves: process.pid })}\n`);
