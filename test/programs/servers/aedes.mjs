import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { Aedes } from 'aedes';
import { serve } from 'libsystemd';

const broker = await Aedes.createBroker();
await serve(createServer(broker.handle), {
  fallback: { port: 1883 },
  drain: () => promisify(broker.close).call(broker),
});
