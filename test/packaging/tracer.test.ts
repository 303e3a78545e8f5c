// @vercel/nft, which lists the files that a server needs, for Next.js (output: 'standalone'), Nitro and Nuxt.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { prebuiltFiles, processors } from '../../scripts/processors.mjs';
import { fetchPackages } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';
import { BUNDLERS } from './bundlers.ts';
import { makeFolder, PROGRAM, SERVED, start } from './deployed.ts';

const folder = makeFolder();
afterAll(() => rmSync(folder, { recursive: true }));

type Trace = (
  files: string[],
  options: { base: string },
) => Promise<{ fileList: Set<string>; warnings: Set<Error> }>;

test.each([
  ['app.mjs', PROGRAM.esm],
  ['app.cjs', PROGRAM.cjs],
])(
  '%s serves with only the files that nft lists, which include every add-on',
  async (name, source) => {
    const project = join(folder, `project-${name}`);
    const installed = join(project, 'node_modules/libsystemd');
    cpSync(join(inject('app'), 'node_modules/libsystemd'), installed, { recursive: true });
    writeFileSync(join(project, name), source);

    const tools = createRequire(join(await fetchPackages(BUNDLERS), 'package.json'));
    const { nodeFileTrace } = tools('@vercel/nft') as { nodeFileTrace: Trace };
    const traced = await nodeFileTrace([join(project, name)], { base: project });
    // nft reads each file as a script first, and warns when that fails at import.meta.
    const warnings = [...traced.warnings].map(({ message }) => message);
    expect(warnings.filter((text) => !text.includes(' as script'))).toStrictEqual([]);
    const files = [...traced.fileList];
    const addons = processors
      .flatMap(prebuiltFiles)
      .map((file) => join('node_modules/libsystemd', file));
    expect(files).toEqual(expect.arrayContaining(addons));

    const deployed = join(folder, `deployed-${name}`);
    for (const file of files) {
      mkdirSync(dirname(join(deployed, file)), { recursive: true });
      cpSync(join(project, file), join(deployed, file));
    }
    rmSync(project, { recursive: true });
    expect(readdirSync(join(deployed, 'node_modules/libsystemd')).sort()).toStrictEqual([
      'dist',
      'package.json',
      'prebuilds',
    ]);
    expect(await start([process.execPath, join(deployed, name)], folder)).toBe(SERVED);
  },
);

test('docs/bundling.md names this version', () => {
  const page = readFileSync(join(root, 'docs/bundling.md'), 'utf8');
  expect(page).toContain(`@vercel/nft ${BUNDLERS['@vercel/nft']}`);
  expect(page).toContain(`postject ${BUNDLERS.postject}`);
});
