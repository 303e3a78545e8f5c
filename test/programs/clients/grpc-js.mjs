// Clients of gRPC with their defaults: a call that a GOAWAY has refused is sent again by the library.
import { Client, credentials } from '@grpc/grpc-js';

export function connect({ host, port }, index) {
  const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.client_id': index };
  const client = new Client(`${host}:${port}`, credentials.createInsecure(), options);
  return {
    exchange: (words) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest('/Echo/Echo', Buffer.from, String, words, (error, received) => {
          if (error) reject(error);
          else if (received !== words) reject(new Error(`Sent ${words}, received ${received}`));
          else resolve();
        });
      }),
    end: () => client.close(),
  };
}
