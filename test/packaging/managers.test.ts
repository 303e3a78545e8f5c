// Installations by package managers: each installs the package without running a script, and the package loads. Each
// test is one package manager that installs from one source in four ways.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { prebuiltFile, processors, root } from '../../scripts/processors.mjs';
import { evaluate, npm, output, type RunOptions } from './machine.ts';
import type { Manager } from './managers.ts';

const mine = processors.find(({ arch }) => arch === process.arch)!;
const folder = join(inject('app'), '..');
/** The programs with which a package manager would build an add-on. Each is replaced by a script that notes the call. */
const TRAPS = [
  ...['node-gyp', 'node-pre-gyp', 'prebuild-install', 'make', 'gmake', 'ninja', 'cmake'],
  ...['cc', 'c++', 'gcc', 'g++', 'clang', 'clang++', 'python', 'python3'],
];

/** A user's machine in one folder: its PATH has only Node, a shell and the traps. */
class Machine {
  readonly #folder = mkdtempSync(join(folder, 'user-'));
  readonly #trapped = join(this.#folder, 'trapped');
  readonly options: RunOptions;

  constructor({ node, env }: Manager) {
    const [home, bin, cwd] = ['home', 'bin', 'app'].map((name) => join(this.#folder, name));
    for (const path of [home!, bin!, cwd!]) mkdirSync(path);
    writeFileSync(join(home!, '.npmrc'), `registry=${inject('registry')}\n`);
    writeFileSync(join(cwd!, 'package.json'), '{ "name": "app", "private": true }\n');
    symlinkSync(node[0]!, join(bin!, 'node'));
    symlinkSync('/bin/sh', join(bin!, 'sh'));
    for (const name of TRAPS) {
      writeFileSync(join(bin!, name), `#!/bin/sh\necho ${name} >> ${this.#trapped}\nexit 1\n`);
      chmodSync(join(bin!, name), 0o755);
    }
    const yarn = {
      YARN_NPM_REGISTRY_SERVER: inject('registry'),
      YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
      YARN_ENABLE_TELEMETRY: '0',
      // By default Yarn 1 uses a folder below /usr/local for root.
      YARN_CACHE_FOLDER: join(home!, 'yarn'),
    };
    // All other caches and stores are below HOME.
    const variables = { PATH: bin!, HOME: home!, TMPDIR: this.#folder, LC_ALL: 'C.UTF-8', ...yarn };
    this.options = { cwd: cwd!, bare: true, env: { ...variables, ...env } };
  }

  get cwd(): string {
    return this.options.cwd;
  }

  /** The names of the traps that were called. */
  get called(): readonly string[] {
    return existsSync(this.#trapped) ? readFileSync(this.#trapped, 'utf8').split('\n') : [];
  }

  /** Runs a command of the package manager, which must succeed. Returns its output. */
  async run({ command: [program, ...first] }: Manager, args: readonly string[]): Promise<string> {
    return await output(program!, [...first, ...args], this.options);
  }

  /** Removes the installed packages, but not the caches. */
  forgetInstalled(): void {
    for (const name of ['node_modules', '.pnp.cjs', '.pnp.loader.mjs', '.yarn']) {
      rmSync(join(this.cwd, name), { recursive: true, force: true });
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** Matches messages about scripts of packages. */
const SCRIPT_MESSAGES = /(install|build) scripts?\b|must be built|blocked/i;

/** The expected outcome: no program was called, no message was printed, and the package loads in both ways. */
const EXPECTED = {
  called: [],
  built: [],
  messages: [],
  import: [0, 'boolean', prebuiltFile(mine)],
  require: [0, 'boolean', prebuiltFile(mine)],
};

const LOADS = {
  import: ['module', `import { inspect } from 'libsystemd'; import * as sd from 'libsystemd/sd';`],
  require: [
    'commonjs',
    `const { inspect } = require('libsystemd'), sd = require('libsystemd/sd');`,
  ],
} as const;

async function load(how: keyof typeof LOADS, { options }: Machine, { node }: Manager) {
  const [type, lines] = LOADS[how];
  const source = `${lines} result([inspect(0).fd, typeof sd.sd_is_fifo(0), ...mapped()]);`;
  // Node prints a warning about the loader of Plug'n'Play.
  const env = { ...options.env, NODE_NO_WARNINGS: '1' };
  const [fd, isFifo, addon] = (await evaluate(source, { ...options, env, node, type })) as string[];
  const addonOfProject = addon?.startsWith(options.cwd) ? addon : undefined;
  return [fd, isFifo, addonOfProject?.replace(/^.*\/libsystemd\//, '')];
}

async function readOutcome(machine: Machine, manager: Manager, output: string) {
  const files = readdirSync(machine.cwd, { recursive: true, encoding: 'utf8' });
  return {
    called: machine.called,
    built: files.filter((file) => basename(file) === 'build'),
    messages: output.split('\n').filter((line) => SCRIPT_MESSAGES.test(line)),
    import: await load('import', machine, manager),
    require: await load('require', machine, manager),
  };
}

const STEPS = ['first', 'frozen', 'second', 'again'] as const;

/** Installs in all ways. Returns the outcome of each. */
async function installAll(machine: Machine, manager: Manager, spec: string) {
  const { add, frozen } = manager;
  const install = ['install'];
  const args = { first: [...add, spec], frozen, second: install, again: install };
  const outcomes: Record<string, unknown> = {};
  for (const step of STEPS) {
    if (step === 'frozen' || step === 'second') machine.forgetInstalled();
    const text = await machine.run(manager, args[step]);
    outcomes[step] = await readOutcome(machine, manager, text);
  }
  return outcomes;
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const SOURCES = {
  'a registry': `libsystemd@${version}`,
  // In the project's folder, because Yarn 1 needs that with --frozen-lockfile.
  'a file': 'libsystemd@file:./libsystemd.tgz',
} as const;

const managers = inject('managers');
const rows = managers.flatMap((manager) =>
  Object.entries(SOURCES).map(([source, spec]) => [manager.name, source, manager, spec] as const),
);

test.concurrent.each(rows)(
  '%s installs the package from %s without scripts',
  async (_name, _source, manager, spec) => {
    const machine = new Machine(manager);
    try {
      copyFileSync(inject('tarball'), join(machine.cwd, 'libsystemd.tgz'));
      const outcomes = await installAll(machine, manager, spec);
      expect(outcomes).toStrictEqual(Object.fromEntries(STEPS.map((step) => [step, EXPECTED])));
    } finally {
      machine.remove();
    }
  },
);

// A counter-check of the tests above: they would notice a build.
test.each([
  ['npm 10', ['python3'], /node-gyp rebuild/],
  ['npm 11', ['python3'], /node-gyp rebuild/],
  ['Yarn 1', ['node-gyp'], /node-gyp rebuild/],
  // Yarn 4 looks for node-gyp only in the project.
  ['Yarn 4, PnP, scripts on', [], /must be built/],
])('the failing build of a package with a binding.gyp by %s is noticed', async (...row) => {
  const [name, programs, message] = row;
  const manager = managers.find((candidate) => candidate.name === name)!;
  const machine = new Machine(manager);
  try {
    const compiled = join(machine.cwd, 'compiled');
    mkdirSync(compiled);
    writeFileSync(join(compiled, 'package.json'), '{ "name": "compiled", "version": "1.0.0" }');
    writeFileSync(join(compiled, 'binding.gyp'), '{}');
    await npm(['pack', '--pack-destination', machine.cwd], { cwd: compiled });
    const add = [...manager.add, 'compiled@file:./compiled-1.0.0.tgz'];
    await expect(machine.run(manager, add)).rejects.toThrow(message);
    expect(machine.called).toEqual(expect.arrayContaining(programs));
  } finally {
    machine.remove();
  }
});

test('docs/runtimes.md has each package manager with its version', () => {
  const page = readFileSync(join(root, 'docs/runtimes.md'), 'utf8');
  const [, table = ''] = page.split('## Package managers');
  for (const { name, version } of managers) {
    const [program] = name.split(' ');
    expect(table).toMatch(
      new RegExp(`^\\| ${program} .*\\b${version.replaceAll('.', '\\.')}\\b`, 'm'),
    );
  }
});
