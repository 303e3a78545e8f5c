// The tables of bench/README.md and docs/comparison.md, between marks.
import { readFile, writeFile } from 'node:fs/promises';

async function put(text, path) {
  const file = new URL(path, import.meta.url);
  const content = await readFile(file, 'utf8');
  const between = /(<!-- bench -->\n)[\s\S]*(<!-- end of bench -->)/;
  if (!between.test(content)) throw new Error(`${path} has no place for the tables`);
  await writeFile(
    file,
    content.replace(between, (_, start, end) => `${start}\n${text}\n\n${end}`),
  );
}

export async function save(result, brief) {
  await put(result, 'README.md');
  await put(brief, '../docs/comparison.md');
}
