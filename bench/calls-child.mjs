// Every call is made here and in bench/c-side.c, in rounds that take turns. Both processes have the
// same descriptors and the same environment.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { acceptQueue, inspect, notify } from 'libsystemd';
import * as sd from 'libsystemd/sd';
import { inTurn, median } from './rounds.mjs';

const ROUNDS = 40;
const NSEC_PER_MSEC = 1_000_000;
const BARRIER_USEC = 5_000_000;

/** Milliseconds. With a receiver at work too, the first ones show how the scheduler sorts them. */
const ROUND = 5;
const ROUND_WITH_RECEIVER = 25;

/**
 * So many messages are sure to find room in a receiver's queue that was empty before
 * (net.unix.max_dgram_qlen is 10). With more of them, `notify` would keep them to itself.
 */
const BURST = 8;

// As in bench/c-side.c.
const [TCP, UNIX, FIFO, FILE] = [3, 4, 5, 6];
const tcp = inspect(TCP).localAddress;
const unix = inspect(UNIX).localAddress;
const { AF_INET, SOCK_STREAM } = sd;

/**
 * What is measured; `c` names the call in bench/c-side.c. Another package's function would be one
 * more entry, with the same `c`.
 */
const measured = [
  {
    what: '`sd_notify()`, back to back',
    c: 'notify',
    call: () => sd.sd_notify(false, 'WATCHDOG=1'),
    round: 2 * ROUND_WITH_RECEIVER,
    target: { times: 1.1 },
  },
  {
    what: '`sd_notify()`, bursts of 8',
    c: 'notify_status',
    call: () => sd.sd_notify(false, 'STATUS=12 requests served'),
    burst: BURST,
    round: ROUND_WITH_RECEIVER,
  },
  {
    what: '`notify.status()`, bursts of 8; C: `sd_notify()`',
    c: 'notify_status',
    call: () => notify.status('12 requests served'),
    burst: BURST,
    round: ROUND_WITH_RECEIVER,
  },
  {
    what: '`notify.send({ status })`, bursts of 8; C: `sd_notify()`',
    c: 'notify_status',
    call: () => notify.send({ status: '12 requests served' }),
    burst: BURST,
    round: ROUND_WITH_RECEIVER,
  },
  {
    what: '`sd_is_socket_inet()`',
    c: 'is_socket_inet',
    call: () => sd.sd_is_socket_inet(TCP, AF_INET, SOCK_STREAM, 1, tcp.port),
    target: { times: 1.4 },
  },
  {
    what: '`sd_is_socket_sockaddr()`, of an object',
    c: 'is_socket_sockaddr',
    call: () => sd.sd_is_socket_sockaddr(TCP, SOCK_STREAM, tcp, 1),
  },
  {
    what: '`sd_is_socket_unix()`',
    c: 'is_socket_unix',
    call: () => sd.sd_is_socket_unix(UNIX, SOCK_STREAM, 1, unix.path),
  },
  {
    what: '`sd_is_socket()`',
    c: 'is_socket',
    call: () => sd.sd_is_socket(TCP, AF_INET, SOCK_STREAM, 1),
  },
  { what: '`sd_is_fifo()`', c: 'is_fifo', call: () => sd.sd_is_fifo(FIFO) },
  { what: '`sd_is_special()`', c: 'is_special', call: () => sd.sd_is_special(FILE) },
  { what: '`sd_is_mq()`, of a file', c: 'is_mq', call: () => sd.sd_is_mq(FILE) },
  { what: '`sd_booted()`', c: 'booted', call: () => sd.sd_booted() },
  { what: '`sd_watchdog_enabled()`', c: 'watchdog_enabled', call: () => sd.sd_watchdog_enabled() },
  {
    what: '`inspect()`, TCP listener; C: its system calls',
    c: 'inspect_tcp',
    call: () => inspect(TCP),
    target: { most: 6 },
  },
  {
    what: '`inspect()`, Unix listener; C: its system calls',
    c: 'inspect_unix',
    call: () => inspect(UNIX),
    target: { most: 6 },
  },
  { what: '`acceptQueue()`, TCP', call: () => acceptQueue(TCP) },
  { what: '`acceptQueue()`, Unix', call: () => acceptQueue(UNIX) },
];

function repeat(call, count) {
  for (let i = 0; i < count; i++) call();
}

/** The nanoseconds in calls. Before each burst of them, the receiver has caught up. */
function measure(call, count, burst) {
  let total = 0n;
  for (let left = count; left > 0; left -= burst) {
    if (burst < count) sd.sd_notify_barrier(false, BARRIER_USEC);
    const begun = process.hrtime.bigint();
    repeat(call, Math.min(left, burst));
    total += process.hrtime.bigint() - begun;
  }
  return Number(total);
}

/** After some calls that don't count, as in C. */
function timeHere(call, count, burst) {
  measure(call, count / 10 + 1, burst);
  return measure(call, count, burst);
}

/** How many calls a round takes. Finding that out has V8 compile what it calls, too. */
function countFor(call, burst, round) {
  let count = 1;
  while (timeHere(call, count, burst) < round * NSEC_PER_MSEC) count *= 2;
  return count;
}

const c = spawn(process.argv[2], ['calls'], { stdio: ['pipe', 'pipe', 'inherit', 3, 4, 5, 6] });
const answers = createInterface({ input: c.stdout })[Symbol.asyncIterator]();

async function timeInC(name, count, burst) {
  c.stdin.write(`${name} ${count} ${burst}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`bench/c-side.c ended at ${name}`);
  return Number(value);
}

const rows = [];
for (const { what, c: name, call, burst = Infinity, round = ROUND, target } of measured) {
  const count = countFor(call, burst, round);
  const sides = [() => timeHere(call, count, burst)];
  if (name !== undefined) sides.push(() => timeInC(name, count, Math.min(burst, count)));
  const [here, inC] = (await inTurn(sides, ROUNDS)).map(median);
  const microseconds = (nanoseconds) => nanoseconds / count / 1000;
  rows.push({ what, unit: 'µs', node: microseconds(here), c: name && microseconds(inC), target });
}
c.stdin.end();
console.log(JSON.stringify(rows));
