// The scripts under the rules show what a real manager of the same release shows (bed.test.ts).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEWEST_SYSTEMD, OLDEST_SYSTEMD } from '../../lib/manager/description.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { expectedOutcome } from './outcomes.ts';
import { RulesSide } from './rules-side.ts';
import { runAll, SETTINGS } from './run-all.ts';
import { SCRIPTS } from './scripts.ts';

describe.each([OLDEST_SYSTEMD, NEWEST_SYSTEMD])('scripts under the rules of %i', (systemd) => {
  const folder = temporaryFolder();
  let seen: ReadonlyMap<string, readonly string[]> = new Map();
  let side: RulesSide | undefined;
  beforeAll(async () => {
    side = await RulesSide.start(folder, systemd, SETTINGS);
    seen = await runAll(side);
  }, 400_000);
  afterAll(() => side?.end());

  test.each(SCRIPTS)('%s (%s): %s', (name) => {
    expect(seen.get(name)).toEqual(expectedOutcome(name, systemd));
  });
});
