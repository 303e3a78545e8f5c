// Builds the prebuilt add-ons for all processors of processors.mjs by Debian's cross compilers.
//
//   npm run prebuilds                       builds all, into prebuilds/
//   npm run prebuilds x64 arm64             builds these
//   npm run prebuilds -- --check            builds in another folder; the result must equal prebuilds/ byte by byte
//   node scripts/prebuilds.mjs --packages   prints the Debian packages with the compilers
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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
  for (const processor of chosen) {
    if (options.check) checkSame(processor);
    else buildInto(root, processor);
    for (const file of prebuiltFiles(processor)) console.log(describe(file));
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

function checkSame(processor) {
  const elsewhere = mkdtempSync(join(tmpdir(), 'prebuilds-'));
  try {
    buildInto(elsewhere, processor);
    for (const file of prebuiltFiles(processor)) {
      if (digest(elsewhere, file) === digest(root, file)) continue;
      console.error(`${file} differs from the result of a new build`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}

/** Builds one add-on at a time, because prebuildify takes the first file of a build and no other. */
function buildInto(out, processor) {
  for (const addon of addons) buildAddon(out, processor, addon);
}

/** Builds in a copy of the sources, because a build in the repository would empty build/, which tests use. */
function buildAddon(out, processor, addon) {
  const sources = mkdtempSync(join(tmpdir(), 'prebuild-'));
  try {
    for (const path of ['package.json', 'native']) {
      cpSync(join(root, path), join(sources, path), { recursive: true });
    }
    const includes = ['native/common.gypi', settings[addon]];
    writeFileSync(join(sources, 'binding.gyp'), JSON.stringify({ includes }));
    symlinkSync(join(root, 'node_modules'), join(sources, 'node_modules'));
    prebuildify(processor, ['--name', addon, '--cwd', sources, '--out', out]);
  } finally {
    rmSync(sources, { recursive: true });
  }
}

function prebuildify({ arch, armv, triplet }, options) {
  const tags = ['--napi', ...(armv ? ['--tag-armv', armv] : [])];
  const strip = ['--strip', '--strip-bin', `${triplet}-strip`];
  const { status, stdout, stderr } = spawnSync(
    join(root, 'node_modules/.bin/prebuildify'),
    [...tags, ...strip, '--platform', 'linux', '--arch', arch, ...options],
    { encoding: 'utf8', env: buildEnvironment(triplet) },
  );
  if (status === 0) return;
  console.error(`${stdout}\n${stderr}\nThe build of the add-ons for ${arch} has failed`);
  process.exit(1);
}

/** The environment without compiler flags of the caller, which would change the result. native/common.gypi has all
 * flags. */
function buildEnvironment(triplet) {
  const { CFLAGS, CXXFLAGS, CPPFLAGS, LDFLAGS, ...env } = process.env;
  const tools = { CC: `${triplet}-gcc`, CXX: `${triplet}-g++`, AR: `${triplet}-ar` };
  return { ...env, ...tools, JOBS: 'max', ...(nodedir && { npm_config_nodedir: nodedir }) };
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
