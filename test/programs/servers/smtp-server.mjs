import { text } from 'node:stream/consumers';
import { serve } from 'libsystemd';
import { SMTPServer } from 'smtp-server';

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, _session, callback) {
    text(stream).then((mail) => callback(null, `${mail.length} characters`), callback);
  },
});
await serve(smtp.server, {
  fallback: { port: 2525 },
  drain() {
    // A client that is still connected then, such as one with a pool, sends its next mail on another connection.
    const limit = setTimeout(() => {
      for (const connection of smtp.connections) {
        connection.send(421, 'Restarting');
        connection.close();
      }
    }, 3_000);
    smtp.server.once('close', () => clearTimeout(limit));
  },
});
