// Sockets from the service manager: what the first look at them takes, with all that it loads. In C
// and in Node that is a new process each time, because only the first look has to look.
import { join } from 'node:path';
import { answerOf, cSide } from './programs.mjs';
import { inTurn, median } from './rounds.mjs';

const ROUNDS = 20;
const CHILD = join(import.meta.dirname, 'inherited-child.mjs');

async function milliseconds(sockets, ...command) {
  const { count, ms } = await answerOf(await cSide(), ['pass', sockets, ...command]);
  if (count !== sockets) throw new Error(`${sockets} sockets were passed, and ${count} came`);
  return ms;
}

async function row(sockets, target) {
  const sides = [
    () => milliseconds(sockets, process.execPath, CHILD),
    async () => milliseconds(sockets, await cSide(), 'list'),
  ];
  const [node, c] = (await inTurn(sides, ROUNDS)).map(median);
  const what = `first \`listenFds()\`, ${sockets} sockets; C: its system calls`;
  return { what, unit: 'ms', c, node, target };
}

export async function inherited() {
  return [await row(1000, { most: 10 }), await row(2)];
}
