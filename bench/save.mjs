// Saves the tables in bench/README.md and docs/comparison.md, between marks.
import { readFile, writeFile } from 'node:fs/promises';

async function replaceTables(text, path) {
  const file = new URL(path, import.meta.url);
  const content = await readFile(file, 'utf8');
  const between = /(<!-- bench -->\n)[\s\S]*(<!-- end of bench -->)/;
  if (!between.test(content))
    throw new Error(
      `${path} has no marks for the tables: <!-- bench --> and <!-- end of bench -->`,
    );
  await writeFile(
    file,
    content.replace(between, (_, start, end) => `${start}\n${text}\n\n${end}`),
  );
}

export async function save(result, brief) {
  await replaceTables(result, 'README.md');
  await replaceTables(brief, '../docs/comparison.md');
}
