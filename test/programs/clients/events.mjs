// Clients of server-sent events, which open the stream again when it ends in order, as an EventSource does. Every other
// client sends requests.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectHttp } from './http.mjs';

export function connect(target, index) {
  return index % 2 ? connectHttp(target, (index - 1) / 2) : connectStream(target);
}

function connectStream({ host, port, events: { path, query = '', expect } }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let stream;
  return {
    /** Expects that the stream is open, and that each stream has had its event. */
    async exchange() {
      if (stream?.readableEnded ?? true) stream = await open();
      else if (stream.errored) throw stream.errored;
      else await sleep(10);
    },
    end: () => stream?.destroy(),
  };

  /** Opens a stream, and waits for an event. */
  async function open() {
    const headers = { Accept: 'text/event-stream' };
    const sent = request({ agent, host, port, path: path + query, headers }).end();
    const [response] = await once(sent, 'response');
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
    response.on('error', () => {}); // exchange() throws it
    let received = '';
    response.on('data', (data) => {
      received += data;
    });
    while (!received.includes(expect)) await once(response, 'data');
    return response;
  }
}
