// The other npm packages for systemd, in the versions of packages/package-lock.json. They are installed into a cache
// folder without their install scripts, so that they change nothing else on the machine. Their add-ons are compiled as
// the install scripts would do. If libsystemd-dev is not installed, a downloaded and unpacked one is used.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { nodedir } from '../scripts/node-headers.mjs';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

const LIST = join(import.meta.dirname, 'packages');
const CACHE = resolve(import.meta.dirname, '../node_modules/.cache/bench');
const FETCH_SYSTEMD = resolve(import.meta.dirname, '../scripts/fetch-systemd.mjs');

/** The add-on to compile for a package; two have the same. */
const ADD_ONS = {
  'sd-journald': 'unix-dgram',
  'sd-daemon': 'sd-daemon',
  'sd-notify': 'sd-notify',
  'systemd-daemon': 'unix-dgram', // without this add-on the package loads, but sends nothing
  'systemd-journald': 'systemd-journald',
};

/** Further checks for packages that load even if they can't work. */
const CHECKS = {
  'sd-journald': "import 'unix-dgram'; process.exit();", // it keeps the process alive
  'systemd-daemon': "import 'unix-dgram';",
  'systemd-notify':
    "import { execFileSync } from 'node:child_process'; execFileSync('systemd-notify', ['--version']);",
};

/** Finds the line that says why a command has failed. */
function reasonOf({ stdout = '', stderr = '', code }) {
  const output = `${stderr}\n${stdout}`;
  const patterns = [
    /^npm error (code \S+)/m,
    /(?:fatal )?error: (.*)/,
    /(cannot find .*)/,
    /^(?:\w*Error|sh|gyp): (?:\d+: )?(.*)/m,
  ];
  const found = patterns.map((pattern) => pattern.exec(output)?.[1]).find(Boolean);
  return found ?? `a command has ended with ${code}`;
}

/** Returns undefined, or `problem` with the reason why the action has failed. */
async function attempt(problem, action) {
  try {
    await action();
  } catch (error) {
    console.error(error.stderr ?? error);
    return `${problem}: ${reasonOf(error)}`;
  }
}

/** Returns variables with which a compiler and pkg-config find libsystemd. Empty if it is installed, or not found. */
async function findLibsystemd() {
  if (existsSync('/usr/include/systemd/sd-daemon.h')) return {};
  const { VERSION_CODENAME = 'sid' } = parseEnv(await readFile('/etc/os-release', 'utf8'));
  const fetched = run(process.execPath, [FETCH_SYSTEMD, VERSION_CODENAME, '--development']);
  const { stdout } = await fetched.catch(({ stderr }) => {
    console.error(stderr.trim());
    return {};
  });
  if (stdout === undefined) return {};
  const libraries = join(stdout.trim(), 'usr/lib');
  const [triplet] = await readdir(libraries);
  return {
    CPATH: join(stdout.trim(), 'usr/include'),
    LIBRARY_PATH: join(libraries, triplet),
    PKG_CONFIG_PATH: join(libraries, triplet, 'pkgconfig'),
  };
}

/** The compilations of this run, by their folders. */
const compilations = new Map();

function compileOnce(folder, addon, variables) {
  const path = join(folder, 'node_modules', addon);
  if (!compilations.has(path)) compilations.set(path, compile(path, variables));
  return compilations.get(path);
}

async function compile(cwd, variables) {
  const nodeGyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
  const headers = nodedir === undefined ? [] : [`--nodedir=${nodedir}`];
  await run(process.execPath, [nodeGyp, 'rebuild', '--release', '--loglevel=warn', ...headers], {
    cwd,
    env: { ...process.env, ...variables },
  });
}

/** Returns undefined, or the reason why a package can't take part in comparisons. */
async function prepare(folder, name, variables) {
  const addon = ADD_ONS[name];
  const program = `import '${name}'; ${CHECKS[name] ?? ''}`;
  return (
    (addon && (await attempt('does not compile', () => compileOnce(folder, addon, variables)))) ??
    (await attempt('does not load', () =>
      run(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder }),
    ))
  );
}

async function fetchInto(folder) {
  await cp(LIST, folder, { recursive: true });
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1'];
  return await attempt('not fetched', () => run('npm', ['ci', ...quiet], { cwd: folder }));
}

/** Installs and prepares all packages. Returns their list, with reasons for those that can't be used. */
async function installInto(folder) {
  const { dependencies } = JSON.parse(await readFile(join(LIST, 'package.json'), 'utf8'));
  const unfetched = await fetchInto(folder);
  const variables = unfetched === undefined ? await findLibsystemd() : {};
  const outcomes = Object.entries(dependencies).map(async ([name, version]) => {
    const reason = unfetched ?? (await prepare(folder, name, variables));
    return { name, version, reason };
  });
  const packages = await Promise.all(outcomes);
  await writeFile(join(folder, 'outcome.json'), JSON.stringify(packages));
  return packages;
}

async function readOutcome(folder) {
  const text = await readFile(join(folder, 'outcome.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text);
}

const isComplete = (packages) =>
  packages.length > 0 && packages.every(({ reason }) => reason === undefined);

async function install() {
  const lock = await readFile(join(LIST, 'package-lock.json'));
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 8);
  const folder = join(CACHE, `${key}-node-${process.versions.modules}`);
  const known = await readOutcome(folder);
  if (isComplete(known)) return { folder, packages: known };

  // The rename makes the complete folder visible at once, because another run may do the same.
  await mkdir(CACHE, { recursive: true });
  const fresh = await mkdtemp(`${folder}.`);
  try {
    const packages = await installInto(fresh);
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
    return { folder, packages };
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** True for a package that only writes to the journal. It is compared with nothing else. */
export const isForJournal = ({ name }) => name.endsWith('-journald');

let installation;

/**
 * Installs the packages at the first call. Returns the folder that has them in its node_modules, and for each package
 * { name, version }, with a `reason` if it can't be used here. If one has failed, the next run tries again.
 */
export async function otherPackages() {
  installation ??= install();
  return await installation;
}
