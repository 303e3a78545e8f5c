// Clients of examples/sticky-chat that talk while the service restarts. Prints what each said and received, as JSON.
//
//   chatters.mjs PORT CLIENTS RESTARTS UNIT
//
// The clients write in pieces that may end within a line or within a character.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const [port, count, restarts, unit] = process.argv.slice(2);

const run = promisify(execFile);
let done = false;

async function joinChat() {
  const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
  const self = { socket, said: [], received: '', ended: false };
  socket.on('data', (text) => {
    self.received += text;
  });
  const end = () => {
    self.ended = true;
  };
  socket.on('error', end).on('close', end);
  while (!self.received.includes('\n')) await once(socket, 'data');
  return self;
}

async function talk({ socket, said }) {
  while (!done) {
    const line = `message ${said.length} – ${'ü'.repeat(Math.random() * 20)}`;
    said.push(line);
    const bytes = Buffer.from(`${line}\n`);
    const cut = Math.floor(Math.random() * bytes.length);
    socket.write(bytes.subarray(0, cut));
    await sleep(Math.random() * 20);
    socket.write(bytes.subarray(cut));
    await sleep(Math.random() * 20);
  }
}

const chatters = [];
for (let i = 0; i < count; i++) chatters.push(await joinChat());
const talking = chatters.map(talk);
for (let i = 0; i < restarts; i++) {
  await sleep(200);
  // Without reset-failed, systemd refuses more than five starts in ten seconds.
  for (const verb of ['reset-failed', 'restart']) await run('systemctl', [verb, unit]);
}
await sleep(200);
done = true;
await Promise.all(talking);

const total = chatters.reduce((sum, { said }) => sum + said.length, 0);
/** True if a client has received all lines, or more, after the line with its name. */
const hasAll = ({ received }) => received.split('\n').length > total + 1;
for (let i = 0; i < 200 && !chatters.every(hasAll); i++) await sleep(50);

console.log(
  JSON.stringify(chatters.map(({ said, received, ended }) => ({ said, received, ended }))),
);
for (const { socket } of chatters) socket.destroy();
