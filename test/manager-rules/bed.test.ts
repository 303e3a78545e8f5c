// The scripts under a real manager show what is recorded. So the rules, which show the same (rules.test.ts), are those of
// the real manager. TEST_RECORD=1 records what this manager shows.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBed, VERSION } from '../manager/bed.ts';
import { BedSide } from './bed-side.ts';
import { expectedOutcome, record } from './outcomes.ts';
import { runAll, SETTINGS } from './run-all.ts';
import { SCRIPTS } from './scripts.ts';

describeInBed('scripts under a service manager', [], (bed) => {
  let seen: ReadonlyMap<string, readonly string[]> = new Map();
  let side: BedSide | undefined;
  beforeAll(async () => {
    side = await BedSide.start(bed(), SETTINGS);
    seen = await runAll(side);
    if (process.env.TEST_RECORD === '1') record(VERSION, seen);
  }, 400_000);
  afterAll(() => side?.end());

  test.each(SCRIPTS)('%s (%s): %s', (name) => {
    expect(seen.get(name)).toEqual(expectedOutcome(name, VERSION));
  });
});
