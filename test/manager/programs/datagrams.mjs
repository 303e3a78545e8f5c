// A Unix datagram socket by serve(), which answers each message with the pid of its process.
//
//   datagrams.mjs [OPTIONS]
//
// OPTIONS are options of serve(), as JSON.
import { serve } from 'libsystemd';
import { UnixDatagram } from 'libsystemd/unix';

const socket = new UnixDatagram();
socket.on('message', (_data, { from }) => socket.send(`pid ${process.pid}`, from));
await serve(socket, JSON.parse(process.argv[2] ?? '{}'));
