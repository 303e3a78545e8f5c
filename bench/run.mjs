// npm run bench: one table of what is measured. With --save it is put into bench/README.md too.
import { readFile, writeFile } from 'node:fs/promises';
import { calls } from './calls.mjs';
import { importing } from './import.mjs';
import { inherited } from './inherited.mjs';
import { machine } from './machine.mjs';
import { size } from './size.mjs';
import { table } from './table.mjs';

const README = new URL('README.md', import.meta.url);

const facts = await machine();
const rows = [];
for (const measure of [calls, inherited, importing, size]) {
  console.error(`measuring: ${measure.name}`);
  rows.push(...(await measure()));
}
const result = [...facts.map((fact) => `- ${fact}`), '', table(rows)].join('\n');
console.log(result);

if (process.argv.includes('--save')) {
  const readme = await readFile(README, 'utf8');
  const between = /(<!-- result -->\n)[\s\S]*(<!-- end -->)/;
  await writeFile(
    README,
    readme.replace(between, (_, start, end) => `${start}${result}\n${end}`),
  );
}
