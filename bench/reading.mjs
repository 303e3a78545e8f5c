// The part reading: readJournal() beside journalctl's JSON, on the journal of a bed.
import { inBed, whyNoBed } from './bed.mjs';

const ENTRIES = 20_000;
const ROUNDS = 5;

export async function reading(most) {
  if (whyNoBed() !== undefined) return [];
  const { all, two } = await inBed({}, (bed) =>
    bed.runForJson('reading-child.mjs', ENTRIES, Math.min(ROUNDS, most)),
  );
  const row = (what, figures) => ({
    what: `\`readJournal()\`, ${what}`,
    inPlain: '`journalctl -o json` and JSON.parse()',
    unit: 'µs',
    ...figures,
    others: [],
    target: { times: 1 },
  });
  return [row('an entry with all fields', all), row('an entry with `fields` of two', two)];
}
