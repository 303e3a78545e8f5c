// A bundle as it comes to the machine that it runs on: without the folder that it was made of.
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundler, Format } from './bundlers.ts';
import { PROGRAM } from './deployed.ts';

const ENTRIES = { import: ['app.mjs', PROGRAM.esm], require: ['app.cjs', PROGRAM.cjs] } as const;
export type Loading = keyof typeof ENTRIES;

export interface Deployed {
  /** Where the bundle was made. There is nothing now. */
  readonly project: string;
  readonly deployed: string;
  readonly file: string;
}

export interface Deployment {
  readonly bundler: Bundler;
  /** The package, as it is installed. */
  readonly installed: string;
  /** Where new folders go. */
  readonly folder: string;
  readonly loading: Loading;
  readonly format: Format;
  readonly words?: string;
}

let count = 0;

export async function deploy(deployment: Deployment): Promise<Deployed> {
  const { bundler, installed, folder, loading, format, words = '' } = deployment;
  count += 1;
  const project = join(folder, `project-${count}`);
  const deployed = join(folder, `deployed-${count}/app/dist`);
  cpSync(installed, join(project, 'node_modules/libsystemd'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
  const [entry, source] = ENTRIES[loading];
  writeFileSync(join(project, entry), source);
  const out = join(project, 'out');
  const file = await bundler.bundle({ project, entry, out, format, words });
  mkdirSync(join(deployed, '..'), { recursive: true });
  renameSync(out, deployed);
  rmSync(project, { recursive: true });
  return { project, deployed, file: join(deployed, file) };
}
