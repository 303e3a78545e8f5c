import { createServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { serve } from 'libsystemd';

const method = {
  path: '/Echo/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: Buffer.from,
  requestDeserialize: String,
  responseSerialize: Buffer.from,
  responseDeserialize: String,
};
const grpc = new Server();
grpc.addService({ echo: method }, { echo: ({ request }, callback) => callback(null, request) });
const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
await serve(
  createServer((socket) => injector.injectConnection(socket)),
  { fallback: { port: 3000 }, drain: () => injector.drain(10_000) },
);
