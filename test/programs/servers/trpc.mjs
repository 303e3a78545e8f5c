import { createServer } from 'node:http';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { serve } from 'libsystemd';

const t = initTRPC.create();
const router = t.router({
  echo: t.procedure.input(String).mutation(({ input }) => input),
});
await serve(createServer(createHTTPHandler({ router })), { fallback: { port: 3000 } });
