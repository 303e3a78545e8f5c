// Checks that the prebuilt add-ons load on old systems: processors.mjs has the newest allowed glibc for each processor,
// and the libraries of GCC must be those of GCC 5. Official Node binaries need glibc 2.28 and a newer libstdc++.
//
//   node scripts/check-symbols.mjs               checks every prebuilt add-on
//   node scripts/check-symbols.mjs FILE ARCH     checks one file
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prebuiltFile, processors, root } from './processors.mjs';

const [file, arch] = process.argv.slice(2);
const chosen = processors.filter((processor) => arch === undefined || processor.arch === arch);
if (chosen.length === 0)
  throw new Error(
    `The processor ${arch} is none of ${processors.map((one) => one.arch).join(', ')}`,
  );
for (const processor of chosen) checkFile(processor, file ?? join(root, prebuiltFile(processor)));

function checkFile({ arch, glibc }, path) {
  const newest = { GLIBC: glibc, GLIBCXX: '3.4.21', CXXABI: '1.3.9', GCC: '3.5' };
  const needs = readVersionedSymbols(path);
  for (const [set, limit] of Object.entries(newest)) {
    const ofSet = needs.filter((need) => need.set === set).sort(byVersion);
    const tooNew = ofSet.filter(({ version }) => compareVersions(version, limit) > 0);
    for (const { name, version } of tooNew) {
      console.error(`${path}: ${name} needs ${set}_${version}, newer than ${set}_${limit}`);
      process.exitCode = 1;
    }
    if (ofSet.length > 0)
      console.log(`${arch}: needs ${set}_${ofSet.at(-1).version}, allowed is ${limit}`);
  }
}

/** Reads the symbols with versions that a file needs from libraries, such as `dlopen@GLIBC_2.17`. */
function readVersionedSymbols(path) {
  // readelf reads files of all processors; objdump may not.
  const { stdout, stderr, status, error } = spawnSync('readelf', ['-W', '--dyn-syms', path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error) throw new Error('readelf was not found: apt-get install binutils', { cause: error });
  const found = stdout.matchAll(/ UND (\S+)@(\w+)_([\d.]+)/g);
  const symbols = Array.from(found, ([, name, set, version]) => ({ name, set, version }));
  // An add-on always needs such symbols, so an empty list is an error.
  if (status !== 0 || symbols.length === 0) throw new Error(`${path} can't be read: ${stderr}`);
  return symbols;
}

function byVersion(a, b) {
  return compareVersions(a.version, b.version);
}

function compareVersions(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
