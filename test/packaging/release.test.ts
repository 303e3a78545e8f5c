// scripts/check-release.mjs: which releases it refuses, and why.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { prebuiltFiles, processors, root } from '../../scripts/processors.mjs';
import { run } from './machine.ts';

/** Makes a repository that is ready for the release v1.2.3. */
function makeRelease(name: string): string {
  const folder = join(inject('app'), '..', name);
  const files = ['scripts/check-release.mjs', 'scripts/processors.mjs'];
  for (const file of [...files, ...processors.flatMap(prebuiltFiles)]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  writeFileSync(join(folder, 'package.json'), '{ "version": "1.2.3", "repository": "github:a/b" }');
  writeFileSync(join(folder, 'CHANGELOG.md'), '# Changelog\n\n## 1.2.3 (2027-01-01)\n\n- All.\n');
  return folder;
}

function check(cwd: string, tag = 'v1.2.3'): Promise<string> {
  return run(process.execPath, ['scripts/check-release.mjs', tag], { cwd });
}

test('a complete release with the version of the tag is accepted', async () => {
  expect(await check(makeRelease('whole'))).toBe('');
});

test.each([
  [
    'with a prebuilt add-on missing',
    /No release: prebuilds\/linux-s390x\/\S+ is missing/,
    (folder: string) => rmSync(join(folder, 'prebuilds/linux-s390x'), { recursive: true }),
  ],
  [
    'without a heading in the changelog',
    /No release: CHANGELOG\.md needs a heading "## 1\.2\.3"/,
    (folder: string) => writeFileSync(join(folder, 'CHANGELOG.md'), '## 1.2.30\n'),
  ],
  [
    'that the changelog calls unreleased',
    /No release: CHANGELOG\.md/,
    (folder: string) => writeFileSync(join(folder, 'CHANGELOG.md'), '## 1.2.3 (unreleased)\n'),
  ],
  [
    'without a repository in package.json',
    /No release: package\.json needs a repository/,
    (folder: string) => writeFileSync(join(folder, 'package.json'), '{ "version": "1.2.3" }'),
  ],
] as const)('a release %s is refused', async (name, reason, spoil) => {
  const folder = makeRelease(name);
  spoil(folder);
  await expect(check(folder)).rejects.toThrow(reason);
});

test('a release with another version than the tag is refused', async () => {
  await expect(check(makeRelease('other'), 'v1.2.4')).rejects.toThrow(
    'No release: the tag is v1.2.4, and should be v1.2.3 as in package.json',
  );
});
