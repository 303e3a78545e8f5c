// Writes to the journal of a bed in several ways, and prints the microseconds of an entry for each.
//
//   journal-child.mjs all ROUNDS C-SIDE FOLDER NAMES
//   journal-child.mjs WAY FOLDER   writes in this way, with the journal as its standard output and standard error, and prints on
//                                  fd 3
//
// The node_modules of FOLDER has the other packages. NAMES has those of them that can be used here, as JSON.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { createJournal, journalConsole } from 'libsystemd/journal';
import { journalDestination } from 'libsystemd/pino';
import { sd_journal_stream_fd } from 'libsystemd/sd';
import pino from 'pino';
import { median } from './rounds.mjs';

/** The bursts that count, and those before them. Between two bursts journald reads. */
const BURSTS = 300;
const WARM = 600;
const BURST = 8;
const PAUSE_MS = 1;

/**
 * Of these rounds the one counts whose longest call is the shortest, because on a busy machine a process also waits for
 * a processor.
 */
const HUNG_ROUNDS = 5;
const HUNG_CALLS = 2_000;

/** As many fields as c-side.c sends: a message, a priority, an identifier, and two more. */
const fields = { REQUEST: '/orders/7', STATUS: 200 };
const message = 'GET /orders/7 was answered';

/** The calls of each way. */
const ways = {
  send() {
    const journal = createJournal({ identifier: 'bench' });
    return () => journal.send({ message, fields });
  },
  console: () => () => console.error(message),
  journalConsole() {
    journalConsole({ mode: 'native' });
    return ways.console();
  },
  pino() {
    const logger = pino(pino.destination({ dest: 1, sync: true }));
    return () => logger.info(fields, message);
  },
  destination() {
    const logger = pino(journalDestination());
    return () => logger.info(fields, message);
  },
};

/** The calls of the other packages. */
const waysOfOthers = {
  'systemd-journald'(require) {
    const Journald = require('systemd-journald');
    const log = new Journald({ syslog_identifier: 'bench' });
    return () => log.info(message, fields);
  },
  'sd-journald'(require) {
    const { Journald } = require('sd-journald');
    const { Map: ImmutableMap } = require('immutable');
    const journald = new Journald('bench');
    return () => journald.send(6, message, ImmutableMap(fields));
  },
};

async function timeBursts(call, bursts) {
  let spent = 0;
  for (let i = 0; i < bursts; i++) {
    const begun = performance.now();
    for (let one = 0; one < BURST; one++) call();
    spent += performance.now() - begun;
    await sleep(PAUSE_MS);
  }
  return (spent / bursts / BURST) * 1_000;
}

/** The milliseconds of the longest of many calls. */
function longestCall(call) {
  let longest = 0;
  for (let i = 0; i < HUNG_CALLS; i++) {
    const begun = performance.now();
    call();
    longest = Math.max(longest, performance.now() - begun);
  }
  return longest;
}

/** The longest call, of those whose entries wait and of those whose entries are dropped. */
function longestWhileHung() {
  const longest = ['wait', 'drop'].map((full) => {
    const own = createJournal({ identifier: 'bench', full });
    const call = () => own.send({ message, fields });
    longestCall(call); // while V8 compiles it
    return Math.min(...Array.from({ length: HUNG_ROUNDS }, () => longestCall(call)));
  });
  return Math.max(...longest);
}

async function write(way, folder) {
  if (way === 'hung') return longestWhileHung();
  const call = ways[way]?.() ?? waysOfOthers[way](createRequire(`${folder}/`));
  await timeBursts(call, WARM);
  return await timeBursts(call, BURSTS);
}

function figureOf(program, args) {
  const stream = sd_journal_stream_fd('bench', 6, true);
  try {
    const { output, status } = spawnSync(program, args, {
      stdio: ['ignore', stream, stream, 'pipe'],
    });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} has ended with ${status}`);
    return JSON.parse(String(output[3]));
  } finally {
    closeSync(stream);
  }
}

const figureOfWay = (way, folder) =>
  figureOf(process.execPath, [import.meta.filename, way, folder]);

const sendSignal = (signal) =>
  execFileSync('systemctl', ['kill', `--signal=${signal}`, 'systemd-journald.service']);

function whileHung(call) {
  sendSignal('STOP');
  try {
    return call();
  } finally {
    sendSignal('CONT');
  }
}

function measureAll(rounds, cSide, folder, names) {
  const all = [...Object.keys(ways), ...names];
  const figures = { c: [], ...Object.fromEntries(all.map((way) => [way, []])) };
  for (let round = 0; round < rounds; round++) {
    figures.c.push(figureOf(cSide, ['journal', String(WARM), String(BURSTS)]));
    for (const way of all) figures[way].push(figureOfWay(way, folder));
  }
  // The streams that are opened while journald hangs would never be answered, so this one is a file.
  const hung = whileHung(() => figureOfHung());
  const medians = Object.entries(figures).map(([way, all]) => [way, median(all)]);
  return { ...Object.fromEntries(medians), hung };
}

function figureOfHung() {
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe'];
  const { output } = spawnSync(process.execPath, [import.meta.filename, 'hung'], { stdio });
  return JSON.parse(String(output[3]));
}

const [way, ...args] = process.argv.slice(2);
if (way === 'all') {
  const [rounds, cSide, folder, names] = args;
  console.log(JSON.stringify(measureAll(Number(rounds), cSide, folder, JSON.parse(names))));
} else {
  writeSync(3, JSON.stringify(await write(way, args[0])));
  process.exit(); // sd-journald keeps the process alive
}
