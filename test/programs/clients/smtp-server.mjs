// Clients that send mails: one in two opens a connection for each mail, the others keep theirs.
import { createTransport } from 'nodemailer';

export function connect({ host, port }, index) {
  const transport = createTransport({
    host,
    port,
    pool: index % 2 === 1,
    maxConnections: 1,
    ignoreTLS: true,
  });
  return {
    async exchange(text) {
      const mail = { from: 'a@example.org', to: 'b@example.org', subject: 'Test', text };
      const { response } = await transport.sendMail(mail);
      if (!/^250 .*\d+ characters/.test(response)) throw new Error(response);
    },
    end: () => transport.close(),
  };
}
