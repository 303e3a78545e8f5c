// The part journal: an entry beside C's sd_journal_sendv() and beside other packages, the console and pino beside
// themselves on a stream of the journal, and the longest call while journald hangs. All in a bed, to its journald.
import { relative, resolve } from 'node:path';
import { REPOSITORY } from '../test/manager/manager.mjs';
import { inBed, whyNoBed } from './bed.mjs';
import { isForJournal, otherPackages } from './packages.mjs';
import { buildCSide } from './programs.mjs';

const ROUNDS = 5;

const FIVE = 'five fields, bursts of 8';

const rowsOf = ({ c, send, console, journalConsole, pino, destination, hung }, others) => [
  {
    what: `\`journal.send()\`, ${FIVE}`,
    inC: '`sd_journal_sendv()`',
    unit: 'µs',
    node: send,
    c,
    others,
    target: { times: 1 },
  },
  {
    what: '`journalConsole()`, `console.error()`, bursts of 8',
    inPlain: 'to a stream of the journal',
    unit: 'µs',
    node: journalConsole,
    plain: console,
  },
  {
    what: `\`pino(journalDestination())\`, ${FIVE}`,
    inPlain: 'pino to a stream of the journal',
    unit: 'µs',
    node: destination,
    plain: pino,
  },
  {
    what: '`journal.send()`, the longest call while journald hangs',
    unit: 'ms',
    node: hung,
    target: { most: 5 },
  },
];

const root = resolve(import.meta.dirname, '..');

/** The path in the bed of a file of the repository. */
const inRepository = (path) => `${REPOSITORY}/${relative(root, path)}`;

export async function journal(most) {
  if (whyNoBed() !== undefined) return [];
  const cSide = inRepository(await buildCSide());
  const { folder, packages } = await otherPackages();
  const peers = packages.filter(isForJournal);
  const names = peers.filter(({ reason }) => reason === undefined).map(({ name }) => name);
  const args = [Math.min(ROUNDS, most), cSide, inRepository(folder), JSON.stringify(names)];
  const figures = await inBed({}, (bed) => bed.runForJson('journal-child.mjs', 'all', ...args));
  const others = peers.map(({ name, version, reason }) => ({
    title: `${name} ${version}`,
    ...(reason === undefined ? { value: figures[name] } : { reason }),
  }));
  return rowsOf(figures, others);
}
