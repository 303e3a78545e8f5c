// Measures the calls of one list of calls-list.mjs, in rounds that take turns with c-side.c. Both processes have the
// same descriptors and the same environment.
//
//   calls-child.mjs C-SIDE LIST ROUNDS FOLDER PACKAGES
//
// C-SIDE is the program of c-side.c. PACKAGES are the other packages as JSON; the node_modules of FOLDER has them.
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

/** Makes the calls. Returns a promise only if the calls do, because an `await` would add to the time. */
function repeat(call, count) {
  const pending = call();
  if (pending instanceof Promise) return pending.then(() => repeatInTurn(call, count - 1));
  for (let i = 1; i < count; i++) call();
}

async function repeatInTurn(call, count) {
  for (let i = 0; i < count; i++) await call();
}

/** Returns the nanoseconds spent in calls. Before each burst, waits until the receiver has read all messages. */
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

/** Measures after some calls that don't count, as c-side.c does. */
async function measureWarm(call, count, burst) {
  await measure(call, count / 10 + 1, burst);
  return await measure(call, count, burst);
}

/** Finds the number of calls that fill a round. Meanwhile V8 compiles what they call. */
async function findCount(call, { burst, round }) {
  let count = 1;
  while ((await measureWarm(call, count, burst)) < round * NSEC_PER_MSEC) count *= 2;
  return count;
}

/** A side of a comparison: measures the microseconds of a call. */
function sideOf(call, entry) {
  let count;
  return async () => {
    count ??= await findCount(call, entry);
    return (await measureWarm(call, count, entry.burst)) / count / NSEC_PER_USEC;
  };
}

const c = spawn(cSide, ['calls'], { stdio: ['pipe', 'pipe', 'inherit', 3, 4, 5, 6] });
const linesFromC = createInterface({ input: c.stdout })[Symbol.asyncIterator]();

/** The same for C, with as many calls as here. */
async function createSideInC(name, call, entry) {
  const count = await findCount(call, entry);
  return async () => {
    c.stdin.write(`${name} ${count} ${Math.min(entry.burst, count)}\n`);
    const { value, done } = await linesFromC.next();
    if (done) throw new Error(`bench/c-side.c ended at ${name}`);
    return Number(value) / count / NSEC_PER_USEC;
  };
}

const require = createRequire(join(folder, 'from-here.js'));

/** The same for another package. `getCall` takes its module and returns the call. */
function sideOfOther(name, getCall, entry) {
  let side;
  return async () => {
    side ??= sideOf(getCall(await import(pathToFileURL(require.resolve(name)))), entry);
    return await side();
  };
}

async function measureEntry(entry) {
  const { what, inC, c: nameInC, call, others = {} } = entry;
  const { target, targetOfOthers, brief, plot } = entry;
  const sides = { node: sideOf(call, entry) };
  if (nameInC !== undefined) sides.c = await createSideInC(nameInC, call, entry);
  const otherPackages = otherSides(JSON.parse(packages), others, (getCall, name) =>
    sideOfOther(name, getCall, entry),
  );
  const results = await compare(sides, otherPackages, Number(rounds));
  return { what, inC, unit: 'µs', ...medians(results), target, targetOfOthers, brief, plot };
}

const rows = [];
for (const entry of lists[list]) rows.push(await measureEntry(entry));
c.stdin.end();
console.log(JSON.stringify(rows));
