// Receives lines as /dev/log does, and prints who has sent each: the kernel knows that, and a text may lie.
import { serve } from 'libsystemd';
import { UnixDatagram } from 'libsystemd/unix';

const log = new UnixDatagram({ credentials: true });
log.on('message', (data, { credentials, truncated }) => {
  // <13>Jan 30 12:00:00 program: text, see syslog(3)
  const [, priority = '13', text] = /^(?:<(\d{1,3})>)?(.*)/s.exec(data.toString());
  console.log(JSON.stringify({ priority: Number(priority) & 7, ...credentials, truncated, text }));
});

await serve(log, { fallback: { path: './log', mode: 0o666 } });
