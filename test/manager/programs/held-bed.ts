// A test run that starts a bed, writes the pids to the file in $HELD_BED, and then hangs until it is killed.
import { renameSync, writeFileSync } from 'node:fs';
import { test } from 'vitest';
import { Bed } from '../bed.ts';

test('holds a bed', { timeout: 0 }, async () => {
  const { keeper, pid } = await Bed.start();
  const path = process.env.HELD_BED as string;
  writeFileSync(`${path}.new`, JSON.stringify({ worker: process.pid, keeper, manager: pid }));
  renameSync(`${path}.new`, path);
  await new Promise(() => {});
});
