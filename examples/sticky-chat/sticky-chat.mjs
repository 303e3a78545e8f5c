// A chat by lines, whose clients stay connected while it restarts. At its stop it gives their
// connections to the service manager, and the next process takes them over.
import { createServer, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fdStore, notify, serve } from 'libsystemd';

/** One less than FileDescriptorStoreMax=, for the state is stored too. */
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
  socket.setEncoding('latin1'); // bytes as they are: a chunk may end within a character
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

/** Waits until a member has got what was written; one that doesn't read is left behind. */
async function flush({ socket }) {
  for (let i = 0; socket.writableLength > 0 && i < 100; i++) await sleep(10);
  if (socket.writableLength > 0) socket.destroy();
}

/** Some at a time, for the manager has to keep up. */
async function store(all) {
  for (const [i, { name, socket }] of all.entries()) {
    // Not watched by the manager: who says a last word and hangs up meanwhile is to be heard.
    if (!socket.destroyed) fdStore.add(name, socket, { poll: false });
    if (i % 100 === 99) await notify.barrier();
  }
}

async function handOver() {
  // What comes from now on is for the next process to answer, so nothing more is to be written.
  leaving = true;
  const all = [...members.values()];
  await Promise.all(all.map(flush));
  await store(all);
  // From here to the last destroy() nothing is read: it is either in the state, or in the kernel.
  state.members = all.map(({ name, rest }) => ({ name, rest }));
  fdStore.save('state', Buffer.from(JSON.stringify(state)));
  // The other side sees no end, for the manager has the connection too.
  for (const { socket } of all) socket.destroy();
  await notify.barrier();
}

const returned = state.members.map(({ name, rest }) => {
  const [descriptor] = fdStore.take(name);
  if (descriptor === undefined) return { name, rest }; // it has gone, and what it said last is here
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
