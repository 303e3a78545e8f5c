// Clients of examples/sticky-chat that talk while it restarts; what each of them was told, as JSON:
//
//   chatters.mjs PORT CLIENTS RESTARTS UNIT
//
// They talk in pieces, the ends of which need not be those of lines or of characters.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const [port, count, restarts, unit] = process.argv.slice(2);

const run = promisify(execFile);
let done = false;

async function chatter() {
  const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
  const self = { socket, said: [], told: '', ended: false };
  socket.on('data', (text) => {
    self.told += text;
  });
  const end = () => {
    self.ended = true;
  };
  socket.on('error', end).on('close', end);
  while (!self.told.includes('\n')) await once(socket, 'data');
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
for (let i = 0; i < count; i++) chatters.push(await chatter());
const talking = chatters.map(talk);
for (let i = 0; i < restarts; i++) {
  await sleep(200);
  // More than five starts in ten seconds want to be forgiven.
  for (const verb of ['reset-failed', 'restart']) await run('systemctl', [verb, unit]);
}
await sleep(200);
done = true;
await Promise.all(talking);

/** Whether a chatter was told everything, or more than that, after who it is. */
const total = chatters.reduce((sum, { said }) => sum + said.length, 0);
const isTold = ({ told }) => told.split('\n').length > total + 1;
for (let i = 0; i < 200 && !chatters.every(isTold); i++) await sleep(50);

console.log(JSON.stringify(chatters.map(({ said, told, ended }) => ({ said, told, ended }))));
for (const { socket } of chatters) socket.destroy();
