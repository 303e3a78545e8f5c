// Clients of HTTP/2 with TLS, each with a session. A stream that a GOAWAY has refused is sent again (RFC 9113, 6.8).
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { text } from 'node:stream/consumers';

export function connect({ host, port }) {
  let session;
  function openSession() {
    if (session === undefined || session.closed || session.destroyed) {
      session = connectHttp2(`https://${host}:${port}`, { rejectUnauthorized: false });
      session.on('error', () => {});
      session.on('goaway', () => session.close());
    }
    return session;
  }
  return {
    async exchange(words) {
      const stream = openSession().request({ ':method': 'POST' });
      stream.end(words);
      try {
        await once(stream, 'response');
        const received = await text(stream);
        if (received !== words) throw new Error(`Sent ${words}, received ${received}`);
      } catch (error) {
        const isRefused = /REFUSED_STREAM/.test(error.message);
        if (!isRefused && error.code !== 'ERR_HTTP2_GOAWAY_SESSION') throw error;
        await this.exchange(words);
      }
    },
    end: () => session?.close(),
  };
}
