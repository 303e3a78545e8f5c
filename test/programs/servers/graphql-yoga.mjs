import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSchema, createYoga } from 'graphql-yoga';
import { serve } from 'libsystemd';

let draining = false;

async function* subscribe() {
  do yield { ticks: Math.round(performance.now()) };
  while (await sleep(100, !draining));
}

const yoga = createYoga({
  schema: createSchema({
    typeDefs: `
      type Query { echo(text: String!): String! }
      type Subscription { ticks: Int! }
    `,
    resolvers: {
      Query: { echo: (_parent, { text }) => text },
      Subscription: { ticks: { subscribe } },
    },
  }),
});
await serve(createServer(yoga), {
  fallback: { port: 3000 },
  drain() {
    draining = true;
  },
});
