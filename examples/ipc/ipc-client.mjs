// Sends the numbers 1 to 10 and checks their echo, then sends "close".
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const socket = connect('/run/ipc.sk');
const lines = createInterface({ input: socket });
for (let number = 1; number <= 10; number++) {
  socket.write(`${number}\n`);
  const [echo] = await once(lines, 'line');
  assert.equal(echo, String(number));
}
socket.end('close\n');
console.log('All 10 numbers came back');
