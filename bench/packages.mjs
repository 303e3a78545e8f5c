// The other npm packages that talk to systemd, in a folder of the benchmark's own, so that no project
// and no machine gets them: the versions of bench/packages/package-lock.json, without their install
// scripts. Their add-ons are compiled as those would do it, where the machine has no libsystemd-dev
// against one that is only unpacked.
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

/** What is to compile, for which package. */
const ADD_ONS = {
  'sd-daemon': 'sd-daemon',
  'sd-notify': 'sd-notify',
  'systemd-daemon': 'unix-dgram', // without it the package loads, and sends nothing
};

/** What a package that loads may lack all the same. */
const NEEDS = {
  'systemd-daemon': "import 'unix-dgram';",
  'systemd-notify':
    "import { execFileSync } from 'node:child_process'; execFileSync('systemd-notify', ['--version']);",
};

/** Of all that a failed command printed, the line that says why. */
function reasonOf({ stdout = '', stderr = '', code }) {
  const output = `${stderr}\n${stdout}`;
  const says = [
    /^npm error (code \S+)/m,
    /(?:fatal )?error: (.*)/,
    /(cannot find .*)/,
    /^(?:\w*Error|sh|gyp): (?:\d+: )?(.*)/m,
  ];
  const found = says.map((pattern) => pattern.exec(output)?.[1]).find(Boolean);
  return found ?? `a command ended with ${code}`;
}

async function attempt(what, action) {
  try {
    await action();
  } catch (error) {
    console.error(error.stderr ?? error);
    return `${what}: ${reasonOf(error)}`;
  }
}

/** Variables that show a compiler and pkg-config where libsystemd is. */
async function development() {
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

async function compile(folder, addon, variables) {
  const nodeGyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
  const headers = nodedir === undefined ? [] : [`--nodedir=${nodedir}`];
  await run(process.execPath, [nodeGyp, 'rebuild', '--release', '--loglevel=warn', ...headers], {
    cwd: join(folder, 'node_modules', addon),
    env: { ...process.env, ...variables },
  });
}

/** Undefined, or why it can't be compared with. */
async function makeReady(folder, name, variables) {
  const addon = ADD_ONS[name];
  const program = `import '${name}'; ${NEEDS[name] ?? ''}`;
  return (
    (addon && (await attempt('does not compile', () => compile(folder, addon, variables)))) ??
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

/** Installs what can be; the list, with reasons where it can't. */
async function installInto(folder) {
  const { dependencies } = JSON.parse(await readFile(join(LIST, 'package.json'), 'utf8'));
  const unfetched = await fetchInto(folder);
  const variables = unfetched === undefined ? await development() : {};
  const outcomes = Object.entries(dependencies).map(async ([name, version]) => {
    const reason = unfetched ?? (await makeReady(folder, name, variables));
    return { name, version, reason };
  });
  const packages = await Promise.all(outcomes);
  await writeFile(join(folder, 'outcome.json'), JSON.stringify(packages));
  return packages;
}

async function outcomeIn(folder) {
  const text = await readFile(join(folder, 'outcome.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text);
}

const isComplete = (packages) =>
  packages.length > 0 && packages.every(({ reason }) => reason === undefined);

async function install() {
  const lock = await readFile(join(LIST, 'package-lock.json'));
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 8);
  const folder = join(CACHE, `${key}-node-${process.versions.modules}`);
  const known = await outcomeIn(folder);
  if (isComplete(known)) return { folder, packages: known };

  // Renamed when whole: another run may be doing the same.
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

let installation;

/**
 * The folder that has them in its node_modules, and for each { name, version }, with a `reason` where
 * it is of no use here. One that failed is tried again in the next run.
 */
export async function otherPackages() {
  installation ??= install();
  return await installation;
}
