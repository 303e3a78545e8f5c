// Runs the tests that depend on the version of systemd with two other versions (npm run test:newest): the newest of
// Debian, and the oldest libsystemd that is still in use.
//
//   node scripts/test-newest.mjs
//
// The last lines are a summary. A version that can't be fetched, for example without a network, is left out. The first
// part that fails is the last that runs, so that its report stands right above the summary.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const CANNOT_FETCH = 75;

const summary = [];
const passed =
  testWith(['sid'], testManager, testConformance, compareBuiltin) &&
  testWith(['bullseye', '--only-libsystemd'], testConformance);
console.log(summary.join('\n'));
if (!passed) process.exitCode = 1;

/**
 * Fetches systemd with arguments of fetch-systemd.mjs, and runs tests with its folder until one returns false.
 *
 * @returns False if the fetch or a test failed.
 */
function testWith(fetchArguments, ...tests) {
  const [suite] = fetchArguments;
  const fetched = spawnSync(
    process.execPath,
    [join(root, 'scripts/fetch-systemd.mjs'), ...fetchArguments],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    },
  );
  if (fetched.status === CANNOT_FETCH) {
    summary.push(`systemd of ${suite}: not tested, because the fetch is not possible here`);
    return true;
  }
  if (fetched.status !== 0) {
    summary.push(`systemd of ${suite}: failed to fetch`);
    return false;
  }

  const folder = fetched.stdout.trimEnd();
  const packages = readFileSync(join(folder, 'packages'), 'utf8').trimEnd().split('\n');
  console.log(`With ${packages.join(', ')}`);
  const [, version] = /^libsystemd0_(.*?)_/m.exec(packages.join('\n'));
  const failed = tests.find((test) => !test(folder));
  summary.push(`systemd ${version} of ${suite}: ${failed ? `${failed.name} failed` : 'passed'}`);
  return !failed;
}

/** Runs the tests under the manager of this folder. */
function testManager(folder) {
  const variables = { LIBSYSTEMD_TEST_SYSTEMD: folder };
  return runVitest([...managerTests(), 'test/manager-rules/bed'], variables);
}

/**
 * The tests under a manager, without those of restarts: a restart is the same in each version, and a reload is not. Not
 * by --exclude, which vitest ignores where projects have exclusions of their own.
 */
function managerTests() {
  const folder = 'test/manager';
  const files = readdirSync(join(root, folder)).filter((file) => file.endsWith('.test.ts'));
  return files.filter((file) => !file.startsWith('restarts')).map((file) => `${folder}/${file}`);
}

/** Finds the libsystemd in this folder. Returns the variable with which the loader finds it. */
function libraryPath(folder) {
  const lib = join(folder, 'usr/lib');
  const folders = readdirSync(lib).map((name) => join(lib, name));
  return { LD_LIBRARY_PATH: folders.find((path) => existsSync(join(path, 'libsystemd.so.0'))) };
}

/** Compares random calls of the built-in functions with the libsystemd in this folder, for half a minute. */
function compareBuiltin(folder) {
  const program = join(root, 'test/hardening/fuzz.mjs');
  const env = { ...process.env, ...libraryPath(folder) };
  const { status } = spawnSync(process.execPath, [program, 'builtin'], { env, stdio: 'inherit' });
  return status === 0;
}

/** Runs the conformance tests with the libsystemd in this folder. */
function testConformance(folder) {
  // One dot for each test, because there are thousands.
  return runVitest(['test/conformance', '--reporter=dot'], {
    LIBSYSTEMD_TEST_SYSTEMD: folder,
    ...libraryPath(folder),
  });
}

/** Runs vitest. Returns true if all tests have passed. */
function runVitest(args, variables) {
  const { status } = spawnSync(join(root, 'node_modules/.bin/vitest'), ['run', ...args], {
    cwd: root,
    env: { ...process.env, ...variables },
    stdio: 'inherit',
  });
  return status === 0;
}
