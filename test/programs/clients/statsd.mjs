// Clients that count by statsd. Nothing is answered: the test adds up what statsd prints.
import { createSocket } from 'node:dgram';

export function connect({ host, port }) {
  const socket = createSocket('udp4');
  return {
    exchange: () => new Promise((resolve) => socket.send('hits:1|c', port, host, resolve)),
    end: () => socket.close(),
  };
}
