// Builds the prebuilt add-ons for all processors of processors.mjs by Debian's cross compilers.
//
//   npm run prebuilds                       builds all, into prebuilds/
//   npm run prebuilds x64 arm64             builds these
//   npm run prebuilds -- --check            builds in another folder; the result must equal prebuilds/ byte by byte
//   node scripts/prebuilds.mjs --packages   prints the Debian packages with the compilers
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { nodedir } from './node-headers.mjs';
import { addons, mostKilobytes, prebuiltFiles, processors, root } from './processors.mjs';

/** The settings of each add-on. */
const settings = {
  libsystemd: 'native/libsystemd.gypi',
  'libsystemd-sockets': 'native/sockets/sockets.gypi',
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    packages: { type: 'boolean', default: false },
  },
});
const chosen = positionals.length === 0 ? processors : positionals.map(processorOf);

if (options.packages) {
  console.log(chosen.map(packageOf).join('\n'));
} else {
  requireCompilers();
  try {
    if (options.check) await checkSame();
    else await buildInto(root);
    for (const file of chosen.flatMap(prebuiltFiles)) console.log(describe(file));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

function processorOf(arch) {
  const processor = processors.find((candidate) => candidate.arch === arch);
  if (processor) return processor;
  console.error(
    `The processor ${arch} is none of ${processors.map(({ arch }) => arch).join(', ')}`,
  );
  process.exit(2);
}

/** The Debian package with the compiler. `g++` compiles for the machine's own processor. */
function packageOf({ arch, triplet }) {
  return arch === process.arch ? 'g++' : `g++-${triplet.replaceAll('_', '-')}`;
}

function requireCompilers() {
  const isMissing = ({ triplet }) => spawnSync(`${triplet}-g++`, ['--version']).status !== 0;
  const missing = chosen.filter(isMissing);
  if (missing.length === 0) return;
  const names = missing.map(({ triplet }) => `${triplet}-g++`).join(', ');
  console.error(`Not found: ${names}. apt-get install ${missing.map(packageOf).join(' ')}`);
  process.exit(1);
}

async function checkSame() {
  const elsewhere = mkdtempSync(join(tmpdir(), 'prebuilds-'));
  try {
    await buildInto(elsewhere);
    for (const file of chosen.flatMap(prebuiltFiles)) {
      if (digest(elsewhere, file) === digest(root, file)) continue;
      console.error(`${file} differs from the result of a new build`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}

/**
 * Builds all add-ons, as many at once as there are processors, and each with one of them: the beginning of a build and
 * its link, a third of the whole, use no more. Without headers beside Node one at a time, because the first build
 * downloads them for all.
 */
async function buildInto(out) {
  const waiting = chosen.flatMap((processor) => addons.map((addon) => [processor, addon]));
  const buildNext = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await buildAddon(out, ...next);
    }
  };
  const atOnce = nodedir === undefined ? 1 : availableParallelism();
  try {
    await Promise.all(Array.from({ length: atOnce }, buildNext));
  } finally {
    waiting.length = 0; // after a failure no further build begins
  }
}

/**
 * Builds in a copy of the sources, because a build in the repository would empty build/, which tests use. Each add-on
 * has a copy of its own, because prebuildify takes the first file of a build and no other.
 */
async function buildAddon(out, processor, addon) {
  const sources = mkdtempSync(join(tmpdir(), 'prebuild-'));
  try {
    for (const path of ['package.json', 'native']) {
      cpSync(join(root, path), join(sources, path), { recursive: true });
    }
    const includes = ['native/common.gypi', settings[addon]];
    writeFileSync(join(sources, 'binding.gyp'), JSON.stringify({ includes }));
    symlinkSync(join(root, 'node_modules'), join(sources, 'node_modules'));
    await prebuildify(processor, ['--name', addon, '--cwd', sources, '--out', out]);
  } finally {
    rmSync(sources, { recursive: true });
  }
}

async function prebuildify({ arch, armv, triplet }, options) {
  const tags = ['--napi', ...(armv ? ['--tag-armv', armv] : [])];
  const strip = ['--strip', '--strip-bin', `${triplet}-strip`];
  const program = join(root, 'node_modules/.bin/prebuildify');
  const args = [...tags, ...strip, '--platform', 'linux', '--arch', arch, ...options];
  try {
    await promisify(execFile)(program, args, { env: buildEnvironment(triplet) });
  } catch ({ message, stdout }) {
    throw new Error(`${stdout}\n${message}\nThe build of the add-ons for ${arch} has failed`);
  }
}

/** The environment without compiler flags of the caller, which would change the result. native/common.gypi has all
 * flags. */
function buildEnvironment(triplet) {
  const { CFLAGS, CXXFLAGS, CPPFLAGS, LDFLAGS, ...env } = process.env;
  const tools = { CC: `${triplet}-gcc`, CXX: `${triplet}-g++`, AR: `${triplet}-ar` };
  return { ...env, ...tools, JOBS: '1', ...(nodedir && { npm_config_nodedir: nodedir }) };
}

/** Returns a line like sha256sum's, with the size. A file that is too large is a failure. */
function describe(file) {
  const size = readFileSync(join(root, file)).length;
  if (size > mostKilobytes * 1024) {
    console.error(`${file} has ${size} bytes, and may have ${mostKilobytes} KB`);
    process.exitCode = 1;
  }
  return `${digest(root, file)}  ${file}  ${size} bytes`;
}

function digest(folder, file) {
  return createHash('sha256')
    .update(readFileSync(join(folder, file)))
    .digest('hex');
}
