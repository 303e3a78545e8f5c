import { text } from 'node:stream/consumers';
import { serve } from 'libsystemd';
import { SMTPServer } from 'smtp-server';

let draining = false;

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  async onData(stream, { id }, callback) {
    try {
      callback(null, `${(await text(stream)).length} characters`);
    } catch (error) {
      callback(error);
    }
    if (draining) endConnections((connection) => connection.id === id);
  },
});

// A client that gets 421 sends its next mail on another connection.
function endConnections(isDone) {
  for (const connection of smtp.connections) {
    if (isDone(connection)) connection.send(421, 'Restarting');
  }
}

await serve(smtp.server, {
  fallback: { port: 2525 },
  drain() {
    draining = true;
    const isBetweenMails = ({ session }) => !session.envelope.mailFrom;
    const limit = setTimeout(endConnections, 3_000, isBetweenMails);
    smtp.server.once('close', () => clearTimeout(limit));
  },
});
