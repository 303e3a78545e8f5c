// Builds the prebuilt add-ons for all processors of processors.mjs by Debian's cross compilers.
//
//   npm run prebuilds                       builds all, into prebuilds/
//   npm run prebuilds x64 arm64             builds these
//   npm run prebuilds -- --check            builds in another folder; the result must equal prebuilds/ byte by byte
//   node scripts/prebuilds.mjs --packages   prints the Debian packages with the compilers
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
    if (options.check) checkSame(processor);
    else buildInto(root, processor);
    console.log(describe(processor));
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
    if (digest(elsewhere, processor) === digest(root, processor)) return;
    console.error(`${prebuiltFile(processor)} differs from the result of a new build`);
    process.exitCode = 1;
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}

/** Builds in a copy of the sources, because a build in the repository would empty build/, which tests use. */
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
    { encoding: 'utf8', env: buildEnvironment(triplet) },
  );
  if (status === 0) return;
  console.error(`${stdout}\n${stderr}\nThe build of the add-on for ${arch} has failed`);
  process.exit(1);
}

/** The environment without compiler flags of the caller, which would change the result. native/libsystemd.gypi has all
 * flags. */
function buildEnvironment(triplet) {
  const { CFLAGS, CXXFLAGS, CPPFLAGS, LDFLAGS, ...env } = process.env;
  const tools = { CC: `${triplet}-gcc`, CXX: `${triplet}-g++`, AR: `${triplet}-ar` };
  return { ...env, ...tools, JOBS: 'max', ...(nodedir && { npm_config_nodedir: nodedir }) };
}

/** Returns a line like sha256sum's, with the size. A file that is too large is a failure. */
function describe(processor) {
  const size = readFileSync(join(root, prebuiltFile(processor))).length;
  if (size > mostKilobytes * 1024) {
    console.error(`${prebuiltFile(processor)} has ${size} bytes, and may have ${mostKilobytes} KB`);
    process.exitCode = 1;
  }
  return `${digest(root, processor)}  ${prebuiltFile(processor)}  ${size} bytes`;
}

function digest(folder, processor) {
  const content = readFileSync(join(folder, prebuiltFile(processor)));
  return createHash('sha256').update(content).digest('hex');
}
