// A chat by lines whose clients stay connected while the service restarts. When it stops, it gives
// their connections to the service manager, and the next process takes them over.
import { createServer, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fdStore, notify, serve } from 'libsystemd';

/** One less than FileDescriptorStoreMax=, because the state is stored too. */
const MOST_MEMBERS = 1000;
const LONGEST_LINE = 4096;

const saved = fdStore.load('state');
const state = saved ? JSON.parse(Buffer.from(saved)) : { came: 0, said: 0, members: [] };

const members = new Map();
let leaving = false;

/** Passes on each whole line that a member has sent. */
function hear(member) {
  const lines = member.rest.split('\n');
  member.rest = lines.pop();
  for (const line of lines) {
    const text = `${++state.said} ${member.name}: ${line}\n`;
    for (const { socket } of members.values()) socket.write(text, 'latin1');
  }
}

function join(name, socket, rest = '') {
  const member = { name, socket, rest };
  members.set(name, member);
  socket.setEncoding('latin1'); // keeps the bytes: a chunk may end within a character
  socket.on('data', (data) => {
    member.rest += data;
    if (leaving) return;
    hear(member);
    if (member.rest.length > LONGEST_LINE) socket.destroy();
  });
  socket.on('close', () => {
    if (!leaving) members.delete(name);
  });
  socket.on('error', ({ code }) => console.log(`${name} has gone: ${code}`));
  return member;
}

const server = createServer((socket) => {
  if (members.size >= MOST_MEMBERS) {
    socket.on('error', () => {}).end('The chat is full\n', () => socket.destroy());
    return;
  }
  const { name } = join(`client-${++state.came}`, socket);
  socket.write(`You are ${name}\n`);
});

/** Waits until the kernel has taken all that was written. A member that doesn't read is left behind. */
async function flush({ socket }) {
  for (let i = 0; socket.writableLength > 0 && i < 100; i++) await sleep(10);
  if (socket.writableLength > 0) socket.destroy();
}

/** Stores the connections, 100 at a time, because the manager has to keep up. */
async function store(all) {
  for (const [i, { name, socket }] of all.entries()) {
    // The manager must not watch the connection: it would drop one whose client says a last word and
    // hangs up meanwhile.
    if (!socket.destroyed) fdStore.add(name, socket, { poll: false });
    if (i % 100 === 99) await notify.barrier();
  }
}

async function handOver() {
  // The next process answers everything that comes from now on, so nothing more may be written.
  leaving = true;
  const all = [...members.values()];
  await Promise.all(all.map(flush));
  await store(all);
  // From here to the last destroy() nothing is read: each byte is in the state or in the kernel.
  state.members = all.map(({ name, rest }) => ({ name, rest }));
  fdStore.save('state', Buffer.from(JSON.stringify(state)));
  // The clients see no end, because the manager has the connections too.
  for (const { socket } of all) socket.destroy();
  await notify.barrier();
}

const returned = state.members.map(({ name, rest }) => {
  const [descriptor] = fdStore.take(name);
  if (descriptor === undefined) return { name, rest }; // gone, but its last words are in the state
  const socket = new Socket({ fd: descriptor.fd, readable: true, writable: true });
  return join(name, socket, rest);
});

await serve(server, {
  name: 'chat',
  fallback: { port: 7070 },
  drain: handOver,
  status: () => `${members.size} here, ${state.said} messages`,
});
for (const member of returned) hear(member);
