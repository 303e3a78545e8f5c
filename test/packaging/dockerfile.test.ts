// The Dockerfile that the README quotes. Its lines are executed in a root file system of Debian without compilers, and
// the resulting program is started by systemd-socket-activate.
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

/** The arguments of chroot for a command in the image. */
function argumentsInImage(workdir: string, ...command: readonly string[]): readonly string[] {
  return [image, '/bin/sh', '-c', `cd ${workdir} && exec "$0" "$@"`, ...command];
}

/** Adds Node and npm, which in Docker's images are not Debian's. */
async function addNode(): Promise<void> {
  const local = join(image, 'usr/local');
  cpSync(await fetchNode('22'), join(local, 'bin/node'));
  cpSync(await fetchPackage('npm@10.9.9'), join(local, 'lib/npm'), { recursive: true });
  symlinkSync('../lib/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** Executes an instruction as docker would, and returns the working folder after it. */
async function execute([name, rest]: [string, string], workdir: string): Promise<string> {
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
      await output(which('chroot')!, argumentsInImage(workdir, '/bin/sh', '-c', rest), {
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
  for (const instruction of instructions) workdir = await execute(instruction, workdir);
  // The first run takes longer, because debootstrap downloads and unpacks 130 packages (20 s on an idle machine).
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true }));

test.each(['make', 'cc', 'c++', 'gcc', 'g++', 'clang', 'python3', 'node-gyp'])(
  'the image has no %s',
  async (program) => {
    const findProgram = argumentsInImage(
      '/',
      '/bin/sh',
      '-c',
      `command -v ${program} || echo none`,
    );
    expect(await run(which('chroot')!, findProgram, { cwd: folder, env: { PATH } })).toBe('none\n');
  },
);

test('the image serves on a socket of systemd', async () => {
  const [, command] = instructions.find(([name]) => name === 'CMD')!;
  const program = [
    which('chroot')!,
    ...argumentsInImage('/app', ...(JSON.parse(command) as string[])),
  ];
  await using activated = await activate(program, { on: ['tcp'], env: { PATH } });
  const [address] = activated.addresses;
  const { port } = address as { port: number };
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(await answer.text()).toBe('Hello from systemd\n');
});
