// The Dockerfile that the README quotes, line by line in a root file system of Debian without
// compilers, and what it makes, started by systemd.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { root } from '../../scripts/processors.mjs';
import { activate } from '../support/activate.ts';
import { fetchPackage } from '../support/npm-program.ts';
import { copyDebian } from './debian.ts';
import { npm, output, run, shell, which } from './machine.ts';
import { fetchNode } from './managers.ts';

const folder = mkdtempSync(join(inject('app'), '..', 'docker-'));
const image = join(folder, 'image');
const context = join(folder, 'context');
const PATH = '/usr/local/bin:/usr/bin:/bin';

const dockerfile = readFileSync(join(root, 'examples/dockerfile/Dockerfile'), 'utf8');
const instructions = dockerfile
  .trimEnd()
  .split('\n')
  .map((line) => line.split(/ (.*)/, 2) as [string, string]);

/** A command in the image, in its working folder. */
function inside(workdir: string, ...command: readonly string[]): readonly string[] {
  return [image, '/bin/sh', '-c', `cd ${workdir} && exec "$0" "$@"`, ...command];
}

/** Node and npm, as in the images of Docker, where they are not Debian's. */
async function addNode(): Promise<void> {
  const local = join(image, 'usr/local');
  cpSync(await fetchNode('22'), join(local, 'bin/node'));
  cpSync(await fetchPackage('npm@10.9.9'), join(local, 'lib/npm'), { recursive: true });
  symlinkSync('../lib/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** Does what docker would do for an instruction, and gives the working folder and the command. */
async function follow([name, rest]: [string, string], workdir: string): Promise<string> {
  const env = { PATH, HOME: '/root', npm_config_registry: inject('registry') };
  switch (name) {
    case 'FROM':
      expect(rest).toMatch(/^node:22/);
      return '/';
    case 'WORKDIR':
      mkdirSync(join(image, rest), { recursive: true });
      return rest;
    case 'COPY': {
      const [from, to] = rest.split(' ');
      await shell(`cp -r ${from} ${join(image, workdir, to!)}`, { cwd: context });
      return workdir;
    }
    case 'RUN':
      await output(which('chroot')!, inside(workdir, '/bin/sh', '-c', rest), {
        cwd: folder,
        bare: true,
        env,
      });
      return workdir;
    default:
      expect(name).toBe('CMD');
      return workdir;
  }
}

beforeAll(async () => {
  await copyDebian(image);
  await addNode();
  cpSync(join(root, 'examples/dockerfile'), context, { recursive: true });
  const registry = `--registry=${inject('registry')}`;
  await npm(['install', '--package-lock-only', 'libsystemd', registry], { cwd: context });
  let workdir = '/';
  for (const instruction of instructions) workdir = await follow(instruction, workdir);
  // The first time debootstrap fetches and sets up 130 packages: 20 s on an idle machine.
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true }));

test.each(['make', 'cc', 'c++', 'gcc', 'g++', 'clang', 'python3', 'node-gyp'])(
  'the image has no %s',
  async (program) => {
    const look = inside('/', '/bin/sh', '-c', `command -v ${program} || echo none`);
    expect(await run(which('chroot')!, look, { cwd: folder, env: { PATH } })).toBe('none\n');
  },
);

test('the image serves on a socket of systemd', async () => {
  const [, command] = instructions.find(([name]) => name === 'CMD')!;
  const program = [which('chroot')!, ...inside('/app', ...(JSON.parse(command) as string[]))];
  await using activated = await activate(program, { on: ['tcp'], env: { PATH } });
  const [address] = activated.addresses;
  const { port } = address as { port: number };
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(await answer.text()).toBe('Hello from systemd\n');
});
