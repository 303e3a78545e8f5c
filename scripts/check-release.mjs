// Checks that the package is ready for a release. npm runs this before it publishes.
//
//   node scripts/check-release.mjs [TAG]
//
// TAG, such as v1.2.3, must match the version in package.json.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prebuiltFiles, processors, root } from './processors.mjs';

const [tag] = process.argv.slice(2);
const { version, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');

const problems = [];
if (tag !== undefined && tag !== `v${version}`) {
  problems.push(`the tag is ${tag}, and should be v${version} as in package.json`);
}
for (const file of processors.flatMap(prebuiltFiles)) {
  if (!existsSync(join(root, file))) problems.push(`${file} is missing: run npm run prebuilds`);
}
const heading = changelog.split('\n').find((line) => `${line} `.startsWith(`## ${version} `));
if (heading === undefined || heading.includes('unreleased')) {
  problems.push(`CHANGELOG.md needs a heading "## ${version}" that does not say unreleased`);
}
if (repository === undefined) {
  problems.push('package.json needs a repository, which the provenance must match');
}

for (const problem of problems) console.error(`No release: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
