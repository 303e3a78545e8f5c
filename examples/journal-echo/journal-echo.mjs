// Reads a line from the connection that systemd started this process for, and writes it to the journal.
import { createInterface } from 'node:readline';
import { connection, formatAddress, inspect } from 'libsystemd';

const socket = connection();
if (socket === undefined) throw new Error('No connection: start me by journal-echo.socket');

const { localAddress, peerAddress } = inspect(0);
console.log(`From ${formatAddress(peerAddress)} to ${formatAddress(localAddress)}`);
for await (const line of createInterface({ input: socket })) {
  console.log(`Your input is ${line}`);
  console.log(new Date().toString());
  break;
}
socket.end();
