// Clients of socket.io, which connect again by themselves. They send again what was not acknowledged, because of
// `retries`.
import { io } from 'socket.io-client';

export function connect({ host, port }) {
  const socket = io(`http://${host}:${port}`, {
    forceNew: true,
    ackTimeout: 2_000,
    retries: 5,
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
  });
  return {
    async exchange(words) {
      const received = await socket.emitWithAck('echo', words);
      if (received !== words) throw new Error(`Sent ${words}, received ${received}`);
    },
    end: () => socket.close(),
  };
}
