// Packs the tarball and installs it where nothing else is: no script runs, no compiler is on the
// PATH, nothing is fetched.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { prebuiltFile, processors, root } from '../../scripts/processors.mjs';
import { barePath, npm } from './machine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the tarball. */
    readonly tarball: string;
    /** A folder in which the tarball is installed. */
    readonly app: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const missing = processors.map(prebuiltFile).filter((file) => !existsSync(join(root, file)));
  if (missing.length > 0)
    throw new Error(`npm run prebuilds comes first: no ${missing.join(', ')}`);

  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'packaging-')));
  const tarball = await pack(root, folder);
  const app = join(folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }\n');
  await npm(['install', '--offline', '--ignore-scripts', tarball], {
    cwd: app,
    env: { PATH: barePath(folder) },
  });
  project.provide('tarball', tarball);
  project.provide('app', app);
  return () => rmSync(folder, { recursive: true });
}

async function pack(cwd: string, folder: string): Promise<string> {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const [packed] = JSON.parse(await npm(args, { cwd }));
  return join(folder, packed.filename);
}
