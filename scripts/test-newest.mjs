// Runs the tests that depend on the version of systemd with others than the machine's: under the
// newest that Debian has, and with the oldest libsystemd that is still in use.
//
//   node scripts/test-newest.mjs
//
// A version that can't be fetched, as without a network, is left out, and the last lines say so.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const CANNOT_FETCH = 75;

const summary = [];
run(['sid'], (folder) => [
  vitest(['test/manager'], { LIBSYSTEMD_TEST_SYSTEMD: folder }),
  conformance(folder),
]);
run(['bullseye', '--only-libsystemd'], (folder) => [conformance(folder)]);
console.log(summary.join('\n'));

function run(what, test) {
  const fetched = spawnSync(process.execPath, [join(root, 'scripts/fetch-systemd.mjs'), ...what], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (fetched.status === CANNOT_FETCH) {
    summary.push(`systemd of ${what[0]}: not tested, because it can't be fetched`);
    return;
  }
  if (fetched.status !== 0) return fail(`systemd of ${what[0]}: not fetched`);

  const folder = fetched.stdout.trimEnd();
  const packages = readFileSync(join(folder, 'packages'), 'utf8').trimEnd().split('\n');
  console.log(`With ${packages.join(', ')}`);
  const passed = test(folder).every(Boolean);
  const [, version] = /^libsystemd0_(.*?)_/m.exec(packages.join('\n'));
  if (passed) summary.push(`systemd ${version} of ${what[0]}: passed`);
  else fail(`systemd ${version} of ${what[0]}: failed`);
}

function fail(line) {
  summary.push(line);
  process.exitCode = 1;
}

/** The whole table, asked of the libsystemd in this folder. */
function conformance(folder) {
  const lib = join(folder, 'usr/lib');
  const folders = readdirSync(lib).map((name) => join(lib, name));
  const LD_LIBRARY_PATH = folders.find((path) => existsSync(join(path, 'libsystemd.so.0')));
  // A dot a test, because there are thousands.
  return vitest(['test/conformance', '--reporter=dot'], {
    LIBSYSTEMD_TEST_SYSTEMD: folder,
    LD_LIBRARY_PATH,
  });
}

function vitest(args, variables) {
  const { status } = spawnSync(join(root, 'node_modules/.bin/vitest'), ['run', ...args], {
    cwd: root,
    env: { ...process.env, ...variables },
    stdio: 'inherit',
  });
  return status === 0;
}
