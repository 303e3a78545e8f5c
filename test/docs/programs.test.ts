// The pages of docs/programs have a row, a page and the results of every program that is tested.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { programs, type Topic } from '../programs/programs.ts';
import { pageOf, rowStart } from '../programs/results.ts';
import { root } from '../support/tools.ts';

const topics = Object.keys(programs) as Topic[];

describe.each(topics)('docs/programs/%s.md', (topic) => {
  const [, results = ''] = readFileSync(pageOf(topic), 'utf8').split('<!-- result -->\n');

  test('has the results of the versions that are installed; if not, PROGRAMS=all npm run test:programs', () => {
    const rows = results
      .split('\n')
      .filter((line) => /^\| [\w@]/.test(line))
      .slice(1);
    const starts = rows.map((row) => `${row.split('|', 3).join('|')}|`);
    expect(starts).toEqual(programs[topic].map(rowStart));
  });

  test('has results of ten restarts each, without a loss', () => {
    const cells = results.matchAll(/^\| [\w@].* \| (\d+) \| (\d+) \| (\d+) \| \d+ ms \|$/gm);
    const found = [...cells].map((row) => row.slice(1).map(Number));
    expect(found).toHaveLength(programs[topic].length);
    for (const [restarts, exchanges, lost] of found) {
      expect([restarts, lost]).toEqual([10, 0]);
      expect(exchanges).toBeGreaterThan(60); // each client has at least two after each restart
    }
  });
});

test('the table of docs/programs/README.md leads to every section that has a program', () => {
  const index = readFileSync(join(root, 'docs/programs/README.md'), 'utf8');
  const sections = topics.flatMap((topic) =>
    readFileSync(pageOf(topic), 'utf8')
      .split(/^## /m)
      .slice(1)
      .filter((section) => section.includes('await serve(') || section.includes('  serve('))
      .map((section) => {
        const [heading = ''] = section.split('\n');
        const slug = heading
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-');
        return `${topic}.md#${slug}`;
      }),
  );
  expect(sections.length).toBeGreaterThan(20);
  expect(sections.filter((section) => !index.includes(`(${section})`))).toEqual([]);
});
