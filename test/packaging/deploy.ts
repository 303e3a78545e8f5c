// A deployed bundle: it is moved to a new folder, and the project that it was made of is deleted.
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundler, Format } from './bundlers.ts';
import { PROGRAM } from './deployed.ts';

const ENTRIES = { import: ['app.mjs', PROGRAM.esm], require: ['app.cjs', PROGRAM.cjs] } as const;
export type Loading = keyof typeof ENTRIES;

export interface Deployed {
  /** The former folder of the project, which no longer exists. */
  readonly project: string;
  readonly deployed: string;
  readonly file: string;
}

export interface Deployment {
  readonly bundler: Bundler;
  /** The folder of the installed package. */
  readonly installed: string;
  /** The folder for new folders. */
  readonly folder: string;
  readonly loading: Loading;
  readonly format: Format;
  readonly option?: string;
}

let count = 0;

/** Makes a project, bundles its program, moves the bundle, and deletes the project. */
export async function deploy(deployment: Deployment): Promise<Deployed> {
  const { bundler, installed, folder, loading, format, option = '' } = deployment;
  count += 1;
  const project = join(folder, `project-${count}`);
  const deployed = join(folder, `deployed-${count}/app/dist`);
  cpSync(installed, join(project, 'node_modules/libsystemd'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
  const [entry, source] = ENTRIES[loading];
  writeFileSync(join(project, entry), source);
  const out = join(project, 'out');
  const file = await bundler.bundle({ project, entry, out, format, option });
  mkdirSync(join(deployed, '..'), { recursive: true });
  renameSync(out, deployed);
  rmSync(project, { recursive: true });
  return { project, deployed, file: join(deployed, file) };
}
