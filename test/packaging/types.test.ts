// The types of the installed package, in projects with `module: nodenext`.
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { root } from '../../scripts/processors.mjs';
import { run } from './machine.ts';

const installed = join(inject('app'), 'node_modules/libsystemd');
const consumer = join(import.meta.dirname, 'consumer');

/** Makes a project beside the installed tarball, which has only @types/node of the repository. */
function makeProject(target: string): string {
  const folder = join(inject('app'), `types-${target}`);
  cpSync(consumer, folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  const compilerOptions = {
    module: 'nodenext',
    target,
    strict: true,
    types: ['node'],
    noEmit: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return folder;
}

test.each(['es2022', 'esnext'])(
  'ES modules and CommonJS for %s get the types of the package, not any',
  async (target) => {
    const cwd = makeProject(target);
    const filesRead = (
      await run(join(root, 'node_modules/.bin/tsc'), ['--listFiles'], { cwd })
    ).split('\n');
    const types = ['index', 'sd'].map((entry) => join(installed, `dist/${entry}.d.ts`));
    const programs = readdirSync(consumer).map((name) => join(cwd, name));
    expect(filesRead).toEqual(expect.arrayContaining([...types, ...programs]));
  },
);
