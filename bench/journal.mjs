// The part journal: an entry beside C's sd_journal_sendv(), the console and pino beside themselves on a stream of the
// journal, and the longest call while journald hangs. All in a bed, to its journald.
import { relative, resolve } from 'node:path';
import { REPOSITORY } from '../test/manager/manager.mjs';
import { inBed, whyNoBed } from './bed.mjs';
import { buildCSide } from './programs.mjs';

const ROUNDS = 5;

const FIVE = 'five fields, bursts of 8';

const rowsOf = ({ c, send, console, journalConsole, pino, destination, hung }) => [
  {
    what: `\`journal.send()\`, ${FIVE}`,
    inC: '`sd_journal_sendv()`',
    unit: 'µs',
    node: send,
    c,
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

export async function journal(most) {
  if (whyNoBed() !== undefined) return [];
  const root = resolve(import.meta.dirname, '..');
  const cSide = `${REPOSITORY}/${relative(root, await buildCSide())}`;
  const figures = await inBed({}, (bed) =>
    bed.runForJson('journal-child.mjs', 'all', Math.min(ROUNDS, most), cSide),
  );
  return rowsOf(figures);
}
