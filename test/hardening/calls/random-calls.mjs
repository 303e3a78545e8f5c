// Makes batches of random calls, and checks the open descriptors after each batch.
//
//   node random-calls.mjs OPTIONS (JSON: see run.ts)
//
// The number of a batch is printed before it begins. Each batch has its own seed, so that it can be repeated alone.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { notify } from 'libsystemd';
import { callAny, functionsOf } from './calls.mjs';
import { Random } from './choices.mjs';
import { closeOthers, openFds } from './descriptors.mjs';
import { THROWN } from './values.mjs';

const options = JSON.parse(process.argv[2]);
const { seed, batches, size, given, receiver, trace } = options;
const functions = functionsOf(options.signatures);

const JUNK = ' 0 1 -1 junk / @ /missing a:b a\\ 30000000 ☃'.split(' '); // the first is empty

/** Variables with a valid value. A batch sets them to this value or to junk, or unsets them. */
const VARIABLES = {
  NOTIFY_SOCKET: receiver,
  WATCHDOG_USEC: '30000000',
  WATCHDOG_PID: String(process.pid),
  LISTEN_PID: String(process.pid),
  LISTEN_FDS: '4',
  LISTEN_FDNAMES: 'a:b:c:d',
  FDSTORE: '16',
};

function setEnvironment(choices) {
  for (const [name, good] of Object.entries(VARIABLES)) {
    delete process.env[name];
    if (choices.chance(75)) process.env[name] = choices.chance(75) ? good : choices.pick(JUNK);
  }
}

/** Takes all low numbers, so that a new descriptor has a number that no call returns by chance. */
function takeLowNumbers() {
  while (openSync('/dev/null', 'r') < 256);
}

/** Finds new descriptors that no call has returned. Waits first, because queued messages keep copies of descriptors. */
async function findLeaked(before, returned) {
  const isLeaked = ([fd]) => !before.has(fd) && !returned.has(fd);
  for (const deadline = Date.now() + 10_000; ; await sleep(5)) {
    const some = [...openFds()].filter(isLeaked);
    if (some.length === 0 || Date.now() > deadline) return some;
  }
}

/** Finds changes among the descriptors that the calls must not change. */
function findChanged(before, now) {
  return [...before].filter(([fd, link]) => !given.fds.includes(fd) && now.get(fd) !== link);
}

async function checkDescriptors(before, returned) {
  const wrong = {
    leaked: await findLeaked(before, returned),
    changed: findChanged(before, openFds()),
  };
  if (wrong.leaked.length + wrong.changed.length > 0) throw new Error(inspect(wrong));
  closeOthers(before);
}

async function runBatch(batch, before) {
  writeSync(1, `${batch}\n`);
  const choices = new Random(seed + batch);
  const returned = new Set();
  const printCall = trace ? (call) => writeSync(2, `${call}\n`) : undefined;
  for (let i = 0; i < size; i++) {
    if (i % 10 === 0) setEnvironment(choices); // because some calls remove variables
    const result = callAny(choices, functions, given, printCall);
    for (const number of [result].flat()) if (typeof number === 'number') returned.add(number);
  }
  await checkDescriptors(before, returned);
}

process.on('unhandledRejection', (reason) => {
  if (reason !== THROWN) throw reason;
});
// libuv opens /dev/null with the first stream of a process, and keeps it open.
void process.stderr;
takeLowNumbers();
// The package keeps the socket that it sends the first notification from.
process.env.NOTIFY_SOCKET = receiver;
notify.send('');
const before = openFds();
for (const batch of batches) await runBatch(batch, before);
writeSync(1, `${functions.length} functions\n`);
process.exit();
