// What a user of a package manager sees: it installs, it runs no script, and it loads. Each row is
// one package manager that installs from one source, four times.
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
/** What a package manager would need to build an add-on. Here each only notes that it was called. */
const TRAPS = [
  ...['node-gyp', 'node-pre-gyp', 'prebuild-install', 'make', 'gmake', 'ninja', 'cmake'],
  ...['cc', 'c++', 'gcc', 'g++', 'clang', 'clang++', 'python', 'python3'],
];

/** A user's machine: nothing on the PATH but Node, a shell and the traps; all else below one folder. */
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
      // For root Yarn 1 would take a folder below /usr/local.
      YARN_CACHE_FOLDER: join(home!, 'yarn'),
    };
    // HOME has every other cache and store.
    const own = { PATH: bin!, HOME: home!, TMPDIR: this.#folder, LC_ALL: 'C.UTF-8', ...yarn };
    this.options = { cwd: cwd!, bare: true, env: { ...own, ...env } };
  }

  get cwd(): string {
    return this.options.cwd;
  }

  /** The traps that were called. */
  get called(): readonly string[] {
    return existsSync(this.#trapped) ? readFileSync(this.#trapped, 'utf8').split('\n') : [];
  }

  /** What a command of the package manager says. It must succeed. */
  async run({ command: [program, ...first] }: Manager, args: readonly string[]): Promise<string> {
    return await output(program!, [...first, ...args], this.options);
  }

  /** Removes what package managers have installed, but not what they have cached. */
  forgetInstalled(): void {
    for (const name of ['node_modules', '.pnp.cjs', '.pnp.loader.mjs', '.yarn']) {
      rmSync(join(this.cwd, name), { recursive: true, force: true });
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** How package managers say that a package has a script, or that they ran none. */
const OF_SCRIPTS = /(install|build) scripts?\b|must be built|blocked/i;

/** What an installation should leave: it ran nothing, said nothing of that, and loads both ways. */
const RIGHT = {
  called: [],
  built: [],
  said: [],
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
  // Node warns of the loader that Plug'n'Play needs.
  const env = { ...options.env, NODE_NO_WARNINGS: '1' };
  const [fd, isFifo, addon] = (await evaluate(source, { ...options, env, node, type })) as string[];
  const ofProject = addon?.startsWith(options.cwd) ? addon : undefined;
  return [fd, isFifo, ofProject?.replace(/^.*\/libsystemd\//, '')];
}

async function outcome(machine: Machine, manager: Manager, said: string) {
  const files = readdirSync(machine.cwd, { recursive: true, encoding: 'utf8' });
  return {
    called: machine.called,
    built: files.filter((file) => basename(file) === 'build'),
    said: said.split('\n').filter((line) => OF_SCRIPTS.test(line)),
    import: await load('import', machine, manager),
    require: await load('require', machine, manager),
  };
}

const STEPS = ['first', 'frozen', 'second', 'over what is there'] as const;

/** Installs in all ways, and gives the outcome of each. */
async function installAll(machine: Machine, manager: Manager, what: string) {
  const { add, frozen } = manager;
  const again = ['install'];
  const args = { first: [...add, what], frozen, second: again, 'over what is there': again };
  const outcomes: Record<string, unknown> = {};
  for (const step of STEPS) {
    if (step === 'frozen' || step === 'second') machine.forgetInstalled();
    const said = await machine.run(manager, args[step]);
    outcomes[step] = await outcome(machine, manager, said);
  }
  return outcomes;
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const SOURCES = {
  'a registry': `libsystemd@${version}`,
  // Below the project, as Yarn 1 takes no other with --frozen-lockfile.
  'a file': 'libsystemd@file:./libsystemd.tgz',
} as const;

const managers = inject('managers');
const rows = managers.flatMap((manager) =>
  Object.entries(SOURCES).map(([source, what]) => [manager.name, source, manager, what] as const),
);

test.concurrent.each(rows)('%s, from %s', async (_name, _source, manager, what) => {
  const machine = new Machine(manager);
  try {
    copyFileSync(inject('tarball'), join(machine.cwd, 'libsystemd.tgz'));
    const outcomes = await installAll(machine, manager, what);
    expect(outcomes).toStrictEqual(Object.fromEntries(STEPS.map((step) => [step, RIGHT])));
  } finally {
    machine.remove();
  }
});

// That the tests above find nothing proves something only where there is something to be found.
test.each([
  ['npm 10', ['python3'], /node-gyp rebuild/],
  ['npm 11', ['python3'], /node-gyp rebuild/],
  ['Yarn 1', ['node-gyp'], /node-gyp rebuild/],
  // It looks for a node-gyp in the project, and nowhere else.
  ['Yarn 4, PnP, scripts on', [], /must be built/],
])('%s fails to build a package with a binding.gyp, which is noticed', async (...row) => {
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

test('docs/runtimes.md names each of them with its version', () => {
  const page = readFileSync(join(root, 'docs/runtimes.md'), 'utf8');
  const [, table = ''] = page.split('## Package managers');
  for (const { name, version } of managers) {
    const [program] = name.split(' ');
    expect(table).toMatch(
      new RegExp(`^\\| ${program} .*\\b${version.replaceAll('.', '\\.')}\\b`, 'm'),
    );
  }
});
