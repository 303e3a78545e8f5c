// The results at the end of each page of docs/programs.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../manager/bed.ts';
import { root } from '../support/tools.ts';
import { versionOf } from './packages.ts';
import type { Outcome } from './program-service.ts';
import type { Program, Topic } from './programs.ts';

const HEAD = '| program | version | restarts | exchanges | lost | slowest answer |';

/** The name and the version of a program, as its row begins. */
export function rowStart(program: Program): string {
  const { name, package: from = 'Node', node } = program;
  const version = [from, versionOf(program)].join(' ').trimEnd();
  return `| ${name} | ${version}${node === undefined ? '' : `, Node ${node}`} |`;
}

/** The path of the page of a topic. */
export function pageOf(topic: Topic): string {
  return join(root, 'docs/programs', `${topic}.md`);
}

/** Replaces the results of a page. */
export function writeResults(
  topic: Topic,
  restarts: number,
  outcomes: ReadonlyMap<Program, Outcome>,
): void {
  const date = new Date().toISOString().slice(0, 10);
  const rows = [...outcomes].map(([program, { exchanges, failures, slowest }]) => {
    const lost = Object.values(failures).reduce((sum, count) => sum + count, 0);
    return `${rowStart(program)} ${restarts} | ${exchanges} | ${lost} | ${slowest} ms |`;
  });
  const table = [HEAD, '| --- | --- | ---: | ---: | ---: | ---: |', ...rows].join('\n');
  const where = `${date}, Node ${process.version}, systemd ${VERSION}:`;
  const page = readFileSync(pageOf(topic), 'utf8');
  const between = /(?<=<!-- result -->\n)[\s\S]*(?=<!-- end -->)/;
  writeFileSync(
    pageOf(topic),
    page.replace(between, () => `${where}\n\n${table}\n\n`),
  );
}
