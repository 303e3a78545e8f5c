// The part messages: how long UnixDatagram takes to receive and to send, beside C and unix-dgram, and whether a message
// is lost. A receiver that is asleep is woken for as many messages as its queue has places (net.unix.max_dgram_qlen):
// 10 by the kernel's default, 512 under systemd, so figures of two machines are compared only with the same number.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { otherPackages } from './packages.mjs';
import { buildCSide, runForJson } from './programs.mjs';
import { measureInTurn, median } from './rounds.mjs';

const ROUNDS = 5;
const MESSAGES = 200_000;

const child = join(import.meta.dirname, 'messages-child.mjs');
let sockets = 0;

/**
 * Starts a receiver, has `send` send to it, and returns what both have come to. The receiver ends with the last
 * message.
 */
async function withReceiver(name, path, count, cwd, send) {
  const args = [child, 'receive', name, path, count];
  const receiver = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd });
  const closed = once(receiver, 'close');
  const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const [{ value }, sent] = await Promise.all([lines.next(), send()]);
  await closed;
  return [JSON.parse(value), sent];
}

/** Has a receiver take messages of C, and returns its microseconds a message. */
async function receiveBy(name, { cSide, folder, packages }, count) {
  const path = join(folder, String(sockets++));
  const [received] = await withReceiver(name, path, count, packages, () =>
    runForJson(cSide, ['send', path, count]),
  );
  return received;
}

/** Runs a sender beside a receiver in C that drops everything. */
async function sendTo({ cSide, folder }, program, ...args) {
  const path = join(folder, String(sockets++));
  const receiver = spawn(cSide, ['drain', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(receiver.stdout, 'data');
    receiver.stdout.resume(); // without it there is no 'close'
    return await runForJson(
      program,
      args.map((arg) => arg ?? path),
    );
  } finally {
    receiver.kill('SIGKILL');
    await once(receiver, 'close');
  }
}

/** unix-dgram, on which systemd-daemon depends: its title, or the reason why it can't take part. */
async function findPeer(packages, all) {
  const { reason } = all.find(({ name }) => name === 'systemd-daemon');
  if (reason !== undefined) return { title: 'unix-dgram', reason };
  const manifest = join(packages, 'node_modules/unix-dgram/package.json');
  return { title: `unix-dgram ${JSON.parse(await readFile(manifest, 'utf8')).version}` };
}

async function receiving(world, peer, rounds, count) {
  const names = ['libsystemd', ...(peer.reason === undefined ? ['unix-dgram'] : [])];
  const sides = names.map((name) => () => receiveBy(name, world, count));
  const figures = await measureInTurn(sides, rounds);
  const others = (pick) => [
    peer.reason === undefined ? { ...peer, value: median(figures[1].map(pick)) } : peer,
  ];
  const row = (what, pick, targetOfOthers) => ({
    what,
    unit: 'µs',
    node: median(figures[0].map(pick)),
    others: others(pick),
    targetOfOthers,
  });
  return [
    row('a message of 128 bytes that a `UnixDatagram` receives', ({ wall }) => wall, 0.67),
    row('the same, processor time', ({ cpu }) => cpu, 0.5),
  ];
}

async function sending(world, rounds, count) {
  const { cSide } = world;
  const c = () => sendTo(world, cSide, 'send', undefined, count);
  const ours = () => sendTo(world, process.execPath, child, 'send', undefined, count);
  const [inC, inNode] = await measureInTurn([c, ours], rounds);
  return {
    what: '`send()` of a connected `UnixDatagram`, to a receiver that drops all',
    unit: 'µs',
    c: median(inC) / 1000,
    node: median(inNode),
    target: { times: 1.5 },
  };
}

/** The receiver counts as long as messages come, so a lost one would let it wait for ever. */
async function losing(world, count) {
  const path = join(world.folder, String(sockets++));
  const [, sent] = await withReceiver('libsystemd', path, count, world.packages, () =>
    runForJson(process.execPath, [child, 'wait', path, count]),
  );
  return {
    what: 'messages that `send()` has lost on the way to a `UnixDatagram`',
    unit: `of ${sent}`,
    node: sent - count,
    target: { most: 0 },
  };
}

export async function messages(most) {
  const rounds = Math.min(ROUNDS, most);
  const count = most === 1 ? MESSAGES / 20 : MESSAGES;
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  const { folder: packages, packages: all } = await otherPackages();
  const peer = await findPeer(packages, all);
  const world = { cSide: await buildCSide(), folder, packages };
  try {
    return [
      await sending(world, rounds, count),
      await losing(world, count),
      ...(await receiving(world, peer, rounds, count)),
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}
