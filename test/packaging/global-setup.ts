// Before all tests: packs the tarball, installs it in an empty project (without scripts, compilers and downloads), and
// publishes it to a registry on this machine.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { prebuiltFiles, processors, root } from '../../scripts/processors.mjs';
import { makeBarePath, npm } from './machine.ts';
import { fetchManagers, type Manager } from './managers.ts';
import { startRegistry } from './registry.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the tarball. */
    readonly tarball: string;
    /** A folder in which the tarball is installed. */
    readonly app: string;
    /** The address of a registry that has only this package. */
    readonly registry: string;
    readonly managers: readonly Manager[];
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = processors.flatMap(prebuiltFiles).filter((file) => !existsSync(join(root, file)));
  if (missing.length > 0)
    throw new Error(`Missing: ${missing.join(', ')}. Run npm run prebuilds first`);

  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'packaging-')));
  const tarball = await pack(root, folder);
  const app = join(folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }\n');
  await npm(['install', '--offline', '--ignore-scripts', tarball], {
    cwd: app,
    env: { PATH: makeBarePath(folder) },
  });
  project.provide('tarball', tarball);
  project.provide('app', app);
  project.provide('managers', await fetchManagers());

  const registry = await startRegistry(join(folder, 'registry'));
  project.provide('registry', registry.url);
  // From the repository, as for a release, because npm then adds metadata that a published tarball would not have.
  await registry.publish(root);

  return async () => {
    await registry.stop();
    rmSync(folder, { recursive: true });
  };
}

async function pack(cwd: string, folder: string): Promise<string> {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  // npm prints a list; from npm 12 on an object.
  const [packed] = Object.values<{ filename: string }>(JSON.parse(await npm(args, { cwd })));
  return join(folder, packed!.filename);
}
