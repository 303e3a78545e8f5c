// Refuses a release that would not be what it says: npm runs this before it publishes.
//
//   node scripts/check-release.mjs [TAG]     with a tag, such as v1.2.3: it must be the version's
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prebuiltFile, processors, root } from './processors.mjs';

const [tag] = process.argv.slice(2);
const { version, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');

const problems = [];
if (tag !== undefined && tag !== `v${version}`) {
  problems.push(`the tag is ${tag}, and package.json has the version ${version}`);
}
for (const file of processors.map(prebuiltFile)) {
  if (!existsSync(join(root, file))) problems.push(`${file} is missing: npm run prebuilds`);
}
const heading = changelog.split('\n').find((line) => `${line} `.startsWith(`## ${version} `));
if (heading === undefined || heading.includes('unreleased')) {
  problems.push(`CHANGELOG.md has no heading of ${version}, or calls it unreleased`);
}
if (repository === undefined) {
  problems.push('package.json names no repository, and provenance must match one');
}

for (const problem of problems) console.error(`No release: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
