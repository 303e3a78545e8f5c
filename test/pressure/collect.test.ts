// collect: garbage is collected when memory is short, and the memory goes back to the system.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Line, start } from './support.ts';

const MEMORY_PRESSURE_WATCH = join(temporaryFolder(), 'fifo');
execFileSync('mkfifo', [MEMORY_PRESSURE_WATCH]);

const MEGABYTE = 1 << 20;

/** Drops 80 MB of small Buffers, and says how much memory the process has before and after the collection. */
const source = (options: string) => `
  let cache = Array.from({ length: 80_000 }, () => Buffer.allocUnsafeSlow(1_000).fill(1));
  const rss = () => process.memoryUsage().rss;
  const before = rss();
  onMemoryPressure(async () => {
    cache = undefined;
    await sleep(1);
    setTimeout(() => say({ freed: before - rss(), gc: typeof globalThis.gc }), 1);
  }, ${options});
  say({ length: cache.length });`;

async function freedBy(options: string): Promise<Line> {
  await using program = start({ MEMORY_PRESSURE_WATCH }, source(options));
  await program.next<Line>();
  writeFileSync(MEMORY_PRESSURE_WATCH, 'x');
  return await program.next<Line>();
}

test('gives most of what the listener has dropped back to the system, after its promise', async () => {
  const { freed, gc } = await freedBy('{ collect: true }');
  expect(freed).toBeGreaterThan(50 * MEGABYTE);
  expect(gc).toBe('undefined');
});

test('without it the process keeps the memory', async () => {
  const { freed } = await freedBy('{}');
  expect(freed).toBeLessThan(50 * MEGABYTE);
});
