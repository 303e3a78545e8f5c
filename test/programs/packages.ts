// The packages of the programs, in the exact versions of their package-lock.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inBed } from '../manager/bed.ts';
import { fetchNode, type NodeVersion } from '../packaging/managers.ts';
import { fetchLocked } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';
import type { Program } from './programs.ts';

const SHARED = 'programs/packages';

/** Installs the packages unless they are in the cache. Returns the path of their node_modules in a bed. */
export async function packages(): Promise<string> {
  return join(await appInBed(SHARED), 'node_modules');
}

/** Installs and builds a folder of test/ unless it is in the cache. Returns its path in a bed. */
export async function appInBed(folder: string, version?: NodeVersion): Promise<string> {
  const node = version === undefined ? undefined : await fetchNode(version);
  return inBed(await fetchLocked(join(root, 'test', folder), node));
}

/** Fetches a version of Node unless it is in the cache. Returns its path in a bed. By default it is this machine's. */
export async function nodeInBed(version?: NodeVersion): Promise<string> {
  return version === undefined ? '/usr/bin/node' : inBed(await fetchNode(version));
}

/** The version of the package of a program; undefined when it needs only Node. */
export function versionOf({ app = SHARED, package: name = '' }: Program): string | undefined {
  const list = readFileSync(join(root, 'test', app, 'package.json'), 'utf8');
  const { dependencies }: { dependencies: Readonly<Record<string, string>> } = JSON.parse(list);
  return dependencies[name];
}
