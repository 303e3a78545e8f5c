// Checks that the prebuilt add-ons load on old systems, and with the C library musl:
//
// - They name no library: the functions are found in those that Node has loaded. So one file loads with glibc and musl.
// - Every function is in the glibc of processors.mjs or an older one.
// - No function has an older variant that does something else, because without a library's name the oldest is taken.
// - Every function is in musl.
//
//   node scripts/check-symbols.mjs               checks every prebuilt add-on
//   node scripts/check-symbols.mjs FILE ARCH     checks one file
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findMusl } from './musl.mjs';
import { prebuiltFiles, processors, root } from './processors.mjs';

/**
 * Functions with several versions in glibc that do the same here. All but the last two only moved into another library:
 * before they were in libdl, librt and libpthread, which Node has loaded there. The older snprintf and vsnprintf
 * (s390x) have another long double, which no format of the add-on uses.
 */
const SAME = [
  ...['dlopen', 'dlsym', 'clock_gettime', 'pthread_create', 'pthread_join', 'pthread_sigmask'],
  ...['snprintf', 'vsnprintf'],
];

const [file, arch] = process.argv.slice(2);
const chosen = processors.filter((processor) => arch === undefined || processor.arch === arch);
if (chosen.length === 0)
  throw new Error(
    `The processor ${arch} is none of ${processors.map((one) => one.arch).join(', ')}`,
  );
const muslFunctions = new Map(['x64', 'arm64'].map((name) => [name, readMuslFunctions(name)]));
for (const processor of chosen) {
  const files = file ? [file] : prebuiltFiles(processor).map((name) => join(root, name));
  for (const path of files) checkFile(processor, path);
}

function checkFile({ arch, triplet, glibc }, path) {
  const fail = (complaint) => {
    console.error(`${path}: ${complaint}`);
    process.exitCode = 1;
  };
  for (const library of readLibraries(path)) fail(`names ${library}, and may name no library`);
  const names = readSymbols(path).flatMap(({ name, isDefined }) => (isDefined ? [] : [name]));
  // Those of Node are none of the C library.
  const functions = names.filter((name) => !/^(napi|uv)_/.test(name));
  const versions = readVersions(triplet);
  const oldest = functions.map((name) => {
    const known = (versions.get(name) ?? []).toSorted(compareVersions);
    if (known.length === 0) fail(`${name} is not in glibc`);
    if (known.length > 1 && !SAME.includes(name))
      fail(`${name} has several versions in glibc: ${known.join(', ')}`);
    const [first = '0'] = known;
    if (compareVersions(first, glibc) > 0)
      fail(`${name} needs glibc ${first}, newer than ${glibc}`);
    return first;
  });
  // musl has the same functions on every processor.
  const musl = muslFunctions.get(arch) ?? muslFunctions.get('x64');
  for (const name of functions) if (musl && !musl.has(name)) fail(`${name} is not in musl`);
  const needed = oldest.toSorted(compareVersions).at(-1);
  console.log(
    `${arch}: ${functions.length} functions, of glibc ${needed}, allowed is ${glibc}${musl ? ', and of musl' : ''}`,
  );
}

/** Finds the functions of musl for a processor; undefined where it can't be fetched. */
function readMuslFunctions(arch) {
  const musl = findMusl(arch);
  if (musl === undefined) {
    console.log(`${arch}: not compared with musl, which can't be fetched here`);
    return undefined;
  }
  return new Set(readSymbols(musl.library).flatMap((one) => (one.isDefined ? [one.name] : [])));
}

/** Reads the versions that each function of glibc has, such as `2.2.5` and `2.34`. */
function readVersions(triplet) {
  const { stdout } = spawnSync(`${triplet}-gcc`, ['-print-file-name=libc.so.6'], {
    encoding: 'utf8',
  });
  const versions = new Map();
  for (const { name, version } of readSymbols(stdout.trim())) {
    if (version?.startsWith('GLIBC_') !== true) continue;
    const known = versions.get(name) ?? [];
    versions.set(name, [...known, version.slice('GLIBC_'.length)]);
  }
  return versions;
}

function readLibraries(path) {
  const found = readelf('--dynamic', path).matchAll(/\(NEEDED\).*\[(.*)\]/g);
  return Array.from(found, ([, library]) => library);
}

/** Reads the names of the symbols that a file has or needs. An add-on and a library always have some. */
function readSymbols(path) {
  const line = / (?:DEFAULT|PROTECTED) +(?:\[.*?\] +)?(UND|\d+) (\w+)(?:@@?(\S+))?/g;
  const found = readelf('--dyn-syms', path).matchAll(line);
  const symbols = Array.from(found, ([, section, name, version]) => ({
    name,
    version,
    isDefined: section !== 'UND',
  }));
  if (symbols.length === 0) throw new Error(`${path} has no dynamic symbols`);
  return symbols;
}

function readelf(option, path) {
  // readelf reads files of all processors; objdump may not.
  const { stdout, stderr, status, error } = spawnSync('readelf', ['-W', option, path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 2 ** 28,
  });
  if (error) throw new Error('readelf was not found: apt-get install binutils', { cause: error });
  if (status !== 0) throw new Error(`${path} can't be read: ${stderr}`);
  return stdout;
}

function compareVersions(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
