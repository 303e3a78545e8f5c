import { createServer } from 'node:http';
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { serve } from 'libsystemd';

const apollo = new ApolloServer({
  typeDefs: 'type Query { echo(text: String!): String! }',
  resolvers: { Query: { echo: (_parent, { text }) => text } },
  stopOnTerminationSignals: false,
});
await apollo.start();
const app = express();
app.use('/graphql', express.json(), expressMiddleware(apollo));
await serve(createServer(app), { fallback: { port: 3000 }, stop: () => apollo.stop() });
