// Fails when a prebuilt add-on needs a newer system than it may: scripts/processors.mjs has the
// newest glibc for each processor, and the libraries of GCC are held to those of GCC 5 on all.
// Official Node binaries ask for glibc 2.28 and for more of libstdc++.
//
//   node scripts/check-symbols.mjs [FILE ARCH]     every prebuilt add-on, or one file
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prebuiltFile, processors, root } from './processors.mjs';

const [file, arch] = process.argv.slice(2);
const wanted = processors.filter((processor) => arch === undefined || processor.arch === arch);
if (wanted.length === 0) throw new Error(`no processor is called ${arch}`);
for (const processor of wanted) check(processor, file ?? join(root, prebuiltFile(processor)));

function check({ arch, glibc }, path) {
  const newest = { GLIBC: glibc, GLIBCXX: '3.4.21', CXXABI: '1.3.9', GCC: '3.5' };
  const needs = versionedSymbols(path);
  for (const [set, limit] of Object.entries(newest)) {
    const ofSet = needs.filter((need) => need.set === set).sort(byVersion);
    const tooNew = ofSet.filter(({ version }) => compareVersions(version, limit) > 0);
    for (const { name, version } of tooNew) {
      console.error(`${path}: ${name} needs ${set}_${version}, newer than ${set}_${limit}`);
      process.exitCode = 1;
    }
    if (ofSet.length > 0) console.log(`${arch}: ${set}_${ofSet.at(-1).version}, at most ${limit}`);
  }
}

/** The symbols that a file takes from libraries with versions: `dlopen@GLIBC_2.17`. */
function versionedSymbols(path) {
  // readelf reads every processor's files, which an objdump need not.
  const { stdout, stderr, status, error } = spawnSync('readelf', ['-W', '--dyn-syms', path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error) throw new Error('readelf is missing: apt-get install binutils', { cause: error });
  const found = stdout.matchAll(/ UND (\S+)@(\w+)_([\d.]+)/g);
  const symbols = Array.from(found, ([, name, set, version]) => ({ name, set, version }));
  // An add-on without any would be no add-on, so this is no answer to trust.
  if (status !== 0 || symbols.length === 0) throw new Error(`${path} can't be read: ${stderr}`);
  return symbols;
}

function byVersion(a, b) {
  return compareVersions(a.version, b.version);
}

function compareVersions(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
