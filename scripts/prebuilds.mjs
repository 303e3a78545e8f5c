// Builds the add-on for every processor that the tarball has one for, with Debian's cross compilers.
//
//   npm run prebuilds                   all of them, into prebuilds/
//   npm run prebuilds x64 arm64         these
//   npm run prebuilds -- --check        builds anew elsewhere: the bytes must be those in prebuilds/
//   node scripts/prebuilds.mjs --packages   only prints the Debian packages that this needs
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodedir } from './node-headers.mjs';
import { mostKilobytes, prebuiltFile, processors, root } from './processors.mjs';

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
    if (options.check) check(processor);
    else buildInto(root, processor);
    console.log(describe(processor));
  }
}

function processorOf(arch) {
  const processor = processors.find((candidate) => candidate.arch === arch);
  if (processor) return processor;
  console.error(`${arch}: not one of ${processors.map(({ arch }) => arch).join(', ')}`);
  process.exit(2);
}

/** The Debian package of the compiler; each processor's own is in `g++`. */
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

function check(processor) {
  const elsewhere = mkdtempSync(join(tmpdir(), 'prebuilds-'));
  try {
    buildInto(elsewhere, processor);
    if (digest(elsewhere, processor) === digest(root, processor)) return;
    console.error(`${prebuiltFile(processor)} differs from what the sources give`);
    process.exitCode = 1;
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}

/** Builds in a copy of the sources: in the repository it would empty build/, which tests run from. */
function buildInto(out, processor) {
  const sources = mkdtempSync(join(tmpdir(), 'prebuild-'));
  try {
    for (const path of ['package.json', 'binding.gyp', 'native']) {
      cpSync(join(root, path), join(sources, path), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(sources, 'node_modules'));
    prebuildify(processor, ['--cwd', sources, '--out', out]);
  } finally {
    rmSync(sources, { recursive: true });
  }
}

function prebuildify({ arch, armv, triplet }, folders) {
  const tags = ['--napi', '--name', 'libsystemd', '--tag-libc', 'glibc'];
  if (armv) tags.push('--tag-armv', armv);
  const strip = ['--strip', '--strip-bin', `${triplet}-strip`];
  const { status, stdout, stderr } = spawnSync(
    join(root, 'node_modules/.bin/prebuildify'),
    [...tags, ...strip, '--platform', 'linux', '--arch', arch, ...folders],
    { encoding: 'utf8', env: environment(triplet) },
  );
  if (status === 0) return;
  console.error(`${stdout}\n${stderr}\nThe add-on for ${arch} can't be built`);
  process.exit(1);
}

/** All flags are in native/libsystemd.gypi: those that the caller's environment has would change the bytes. */
function environment(triplet) {
  const { CFLAGS, CXXFLAGS, CPPFLAGS, LDFLAGS, ...env } = process.env;
  const tools = { CC: `${triplet}-gcc`, CXX: `${triplet}-g++`, AR: `${triplet}-ar` };
  return { ...env, ...tools, JOBS: 'max', ...(nodedir && { npm_config_nodedir: nodedir }) };
}

/** One line, as sha256sum writes it, and the size. Too large a file is a failure. */
function describe(processor) {
  const size = readFileSync(join(root, prebuiltFile(processor))).length;
  if (size > mostKilobytes * 1024) {
    console.error(`${prebuiltFile(processor)} has ${size} bytes, more than ${mostKilobytes} KB`);
    process.exitCode = 1;
  }
  return `${digest(root, processor)}  ${prebuiltFile(processor)}  ${size} bytes`;
}

function digest(folder, processor) {
  const content = readFileSync(join(folder, prebuiltFile(processor)));
  return createHash('sha256').update(content).digest('hex');
}
