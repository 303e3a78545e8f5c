// Sends each message back, with the descriptors that came along. An empty message does not end the connection.
import { serve } from 'libsystemd';
import { closeFd, UnixSeqpacketServer } from 'libsystemd/unix';

const server = new UnixSeqpacketServer({ fds: true });
server.on('connection', (connection) => {
  connection.on('error', (error) => console.error(error));
  connection.on('message', async (data, message) => {
    // Taken at once: what nobody has taken is closed when this listener waits.
    const fds = message.takeFds();
    await connection.send(data, { fds }).catch((error) => console.error(error));
    for (const fd of fds) closeFd(fd);
  });
});

await serve(server, { fallback: './echo' });
