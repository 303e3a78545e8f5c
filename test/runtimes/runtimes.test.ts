// The table of docs/runtimes.md, tested row by row in each runtime.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { certificate } from '../support/certificate.ts';
import { root } from '../support/tools.ts';
import { type Row, rows } from './rows.ts';
import type { Runtime } from './runtimes.ts';
import { YES } from './scenarios.ts';
import { Refused } from './session.ts';
import { formatTable, replaceTable } from './table.ts';

const runtimes = inject('runtimes');
const table = rows(certificate());
const outcomes = new Map<string, string>();
const key = (row: Row, runtime: Runtime) => `${runtime.name}: ${row.what}`;

describe.concurrent.each(runtimes)('$name', (runtime) => {
  const all = table.filter(({ only = runtime.kind }) => only === runtime.kind);

  test.each(all)('$what', async (row) => {
    const outcome = await row.run(runtime).catch((error: unknown) => {
      if (error instanceof Refused) return error.code;
      throw error;
    });
    outcomes.set(key(row, runtime), outcome);
    expect(outcome).toBe(row.except?.[runtime.kind]?.outcome ?? YES);
  });
});

test('docs/runtimes.md has this table; if not, npm run test:runtimes -- --update', async () => {
  const page = join(root, 'docs/runtimes.md');
  const newTable = formatTable(table, runtimes, (row, runtime) => outcomes.get(key(row, runtime)));
  await expect(replaceTable(readFileSync(page, 'utf8'), newTable)).toMatchFileSnapshot(page);
});
