// Measures the calls of one list, in rounds that take turns with bench/c-side.c. Both processes have
// the same descriptors and the same environment.
//
//   calls-child.mjs C-SIDE LIST ROUNDS FOLDER PACKAGES
//
// PACKAGES are the others, in JSON, and FOLDER has them in its node_modules.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { sd_notify_barrier } from 'libsystemd/sd';
import { lists } from './calls-list.mjs';
import { compare, medians, otherSides } from './comparison.mjs';

const NSEC_PER_MSEC = 1_000_000;
const NSEC_PER_USEC = 1_000;
const BARRIER_USEC = 5_000_000;

const [cSide, list, rounds, folder, packages] = process.argv.slice(2);

/** A promise only where the calls give one, for awaiting takes time, too. */
function repeat(call, count) {
  const pending = call();
  if (pending instanceof Promise) return pending.then(() => repeatInTurn(call, count - 1));
  for (let i = 1; i < count; i++) call();
}

async function repeatInTurn(call, count) {
  for (let i = 0; i < count; i++) await call();
}

/** The nanoseconds in calls. Before each burst of them, the receiver has caught up. */
async function measure(call, count, burst) {
  let total = 0n;
  for (let left = count; left > 0; left -= burst) {
    if (Number.isFinite(burst)) sd_notify_barrier(false, BARRIER_USEC);
    const begun = process.hrtime.bigint();
    const pending = repeat(call, Math.min(left, burst));
    if (pending !== undefined) await pending;
    total += process.hrtime.bigint() - begun;
  }
  return Number(total);
}

/** After some calls that don't count, as in C. */
async function timeHere(call, count, burst) {
  await measure(call, count / 10 + 1, burst);
  return await measure(call, count, burst);
}

/** How many calls a round takes. Finding that out has V8 compile what it calls, too. */
async function countFor(call, { burst, round }) {
  let count = 1;
  while ((await timeHere(call, count, burst)) < round * NSEC_PER_MSEC) count *= 2;
  return count;
}

/** A side that answers with the microseconds of a call. */
function sideOf(call, entry) {
  let count;
  return async () => {
    count ??= await countFor(call, entry);
    return (await timeHere(call, count, entry.burst)) / count / NSEC_PER_USEC;
  };
}

const c = spawn(cSide, ['calls'], { stdio: ['pipe', 'pipe', 'inherit', 3, 4, 5, 6] });
const answers = createInterface({ input: c.stdout })[Symbol.asyncIterator]();

/** In C, as many calls as here. */
async function sideInC(name, call, entry) {
  const count = await countFor(call, entry);
  return async () => {
    c.stdin.write(`${name} ${count} ${Math.min(entry.burst, count)}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error(`bench/c-side.c ended at ${name}`);
    return Number(value) / count / NSEC_PER_USEC;
  };
}

const require = createRequire(join(folder, 'from-here.js'));

/** The way is from the module of a package to the call. */
function sideOfOther(name, way, entry) {
  let side;
  return async () => {
    side ??= sideOf(way(await import(pathToFileURL(require.resolve(name)))), entry);
    return await side();
  };
}

async function measured(entry) {
  const { what, inC, c: nameInC, call, others = {}, target, brief } = entry;
  const sides = { node: sideOf(call, entry) };
  if (nameInC !== undefined) sides.c = await sideInC(nameInC, call, entry);
  const besides = otherSides(JSON.parse(packages), others, (way, name) =>
    sideOfOther(name, way, entry),
  );
  const results = await compare(sides, besides, Number(rounds));
  return { what, inC, unit: 'µs', ...medians(results), target, brief };
}

const rows = [];
for (const entry of lists[list]) rows.push(await measured(entry));
c.stdin.end();
console.log(JSON.stringify(rows));
