// Clients of a WebSocket. A WebSocket that the server closes with "going away" is opened again, and what was not
// answered is sent again.
import { once } from 'node:events';
import { WebSocket } from 'ws';

const GOING_AWAY = 1001;

export function connect(target) {
  const isExpected = (code) => code === GOING_AWAY;
  return connectWebSocket(target, { isExpected, end: (socket) => socket.close() });
}

/**
 * @param isExpected - returns true for the code of a closed WebSocket that is opened again
 * @param end - ends the WebSocket when the client has nothing more to send
 */
export function connectWebSocket({ host, port }, { isExpected, end }) {
  let socket;
  return {
    async exchange(words) {
      for (;;) {
        if (socket?.readyState !== WebSocket.OPEN) {
          socket = new WebSocket(`ws://${host}:${port}`);
          await once(socket, 'open');
        }
        const answer = once(socket, 'message').then(([data]) => String(data));
        answer.catch(() => {});
        const closed = once(socket, 'close').then(([code]) => ({ code }));
        socket.send(words);
        const result = await Promise.race([answer, closed]);
        if (result === words) return;
        if (!isExpected(result.code))
          throw new Error(`Sent ${words}, received ${JSON.stringify(result)}`);
      }
    },
    end: () => end(socket),
  };
}
