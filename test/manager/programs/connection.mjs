// An Accept=yes service: sends its pid and the addresses of its connection, then echoes.
import { connection, formatAddress, inspect } from 'libsystemd';

const socket = connection();
const { localAddress, peerAddress } = inspect(3);
const { REMOTE_ADDR, REMOTE_PORT } = process.env;
const facts = {
  pid: process.pid,
  from: formatAddress(peerAddress),
  to: formatAddress(localAddress),
  remote: `${REMOTE_ADDR}:${REMOTE_PORT}`,
};
socket.write(`${JSON.stringify(facts)}\n`);
socket.pipe(socket);
