// Fetches the systemd of a Debian suite and unpacks it, with the machine's apt but nothing of the
// machine's own changed.
//
//   node scripts/fetch-systemd.mjs SUITE [--only-libsystemd | --development | --arm64]
//
// With --development: libsystemd, and what programs that link it are compiled with.
// With --arm64: libsystemd for that processor, and all that it and Node load there.
// Prints the folder, which a second call finds again; sid moves on, so delete the folder for what is
// the newest today. Ends with 75 when nothing can be fetched here, as without a network.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const EX_TEMPFAIL = 75; // of sysexits.h

/** What makes a fetch impossible on this machine and at this time. */
class Impossible extends Error {}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'only-libsystemd': { type: 'boolean' },
    development: { type: 'boolean' },
    arm64: { type: 'boolean' },
  },
});
const [suite] = positionals;
if (positionals.length !== 1 || !/^[a-z-]+$/.test(suite)) {
  console.error(
    'Usage: node scripts/fetch-systemd.mjs SUITE [--only-libsystemd | --development | --arm64]',
  );
  process.exit(2);
}
const parts = {
  'only-libsystemd': ['libsystemd0'],
  development: ['libsystemd0', 'libsystemd-dev'],
  arm64: [
    'libsystemd0',
    ...['libcap2', 'libgcrypt20', 'libgpg-error0', 'liblz4-1', 'liblzma5', 'libzstd1'],
    ...['libc6', 'libgcc-s1', 'libstdc++6'],
  ],
};
const [part] = Object.keys(values);
const packages = parts[part] ?? ['systemd', 'libsystemd-shared', 'libsystemd0'];

// Not in build/, which building the add-on empties.
const cache = resolve(import.meta.dirname, '../node_modules/.cache/systemd');
const folder = join(cache, part === undefined ? suite : `${suite}-${part}`);
/** What the folder was made of. Written last: a folder without it is not whole. */
const list = 'packages';

// The command that runs ends with it too, and then what is half done has to go.
process.on('SIGINT', () => undefined);

try {
  if (!existsSync(join(folder, list))) fetchInto(folder);
  console.log(realpathSync(folder));
} catch (error) {
  if (!(error instanceof Impossible)) throw error;
  console.error(`systemd of ${suite} can't be fetched: ${error.message}`);
  process.exitCode = EX_TEMPFAIL;
}

function fetchInto(folder) {
  mkdirSync(cache, { recursive: true });
  const unpacked = mkdtempSync(`${folder}.`);
  // Not in the repository, which the user that apt downloads as may not be able to read.
  const apt = mkdtempSync(join(tmpdir(), 'libsystemd-apt-'));
  try {
    const files = download(apt);
    for (const file of files) run('dpkg-deb', ['-x', file, unpacked]);
    writeFileSync(join(unpacked, list), files.map((file) => `${basename(file)}\n`).join(''));
    chmodSync(unpacked, 0o755);
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
  } finally {
    rmSync(apt, { recursive: true });
    rmSync(unpacked, { recursive: true, force: true });
  }
}

/** The paths of the packages, which apt has compared with what the suite's signature vouches for. */
function download(apt) {
  const mirrors = findMirrors();
  const config = configure(apt);
  const failures = [];
  for (const mirror of mirrors) {
    writeFileSync(join(apt, 'sources.list'), sourceLine(mirror));
    const { status, stderr } = start('apt-get', ['-q', '-c', config, 'update']);
    const done = status === 0 ? downloadPackages(apt, config) : { stderr };
    if (done.paths !== undefined) return done.paths;
    failures.push(reason(done.stderr));
  }
  throw new Impossible(failures.join('; ') || "the machine's apt has no sources");
}

function downloadPackages(apt, config) {
  const into = join(apt, 'packages');
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  if (process.getuid() === 0) {
    // apt gives up root for the download, to the user that it gave its own folder to.
    const { uid, gid } = statSync(join(apt, 'lists/partial'));
    chownSync(into, uid, gid);
  }
  const args = ['-q', '-c', config, 'download', ...packages];
  const { status, stderr } = start('apt-get', args, { cwd: into });
  if (status !== 0) return { stderr };
  return { paths: readdirSync(into).map((name) => join(into, name)) };
}

/** Those of the machine's own sources, which a mirror nearby may be among. */
function findMirrors() {
  // Not `indextargets`, which knows nothing before the machine's first `apt-get update`.
  const uris = run('apt-get', ['--print-uris', 'update']);
  const mirrors = Array.from(uris.matchAll(/^'(\S+)\/dists\/\S+\/InRelease'/gm), ([, uri]) => uri);
  return [...new Set(mirrors)];
}

function sourceLine(mirror) {
  // From Debian 13 on no key counts for a source that does not name it.
  const keyring = ['pgp', 'gpg']
    .map((type) => `/usr/share/keyrings/debian-archive-keyring.${type}`)
    .find((path) => existsSync(path));
  const signedBy = keyring === undefined ? '' : `signed-by=${keyring}`;
  return `deb [target=Packages ${signedBy}] ${mirror} ${suite} main\n`;
}

/** Settings above the machine's own, which keep their proxies and ways of checking. */
function configure(apt) {
  chmodSync(apt, 0o755);
  writeFileSync(join(apt, 'status'), '');
  for (const name of ['lists', 'cache/archives']) {
    mkdirSync(join(apt, name, 'partial'), { recursive: true });
  }
  const config = join(apt, 'apt.conf');
  writeFileSync(
    config,
    `${values.arm64 ? 'APT::Architecture "arm64";\nAPT::Architectures { "arm64"; };\n' : ''}Dir::Etc::sourcelist "${apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
// Nothing that is installed or pinned stands in the way of another version.
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::status "${apt}/status";
Dir::State::lists "${apt}/lists";
Dir::Cache "${apt}/cache";
// These tidy up the machine's own folders.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
// Without it an unreachable mirror is a warning, and the update a success.
APT::Update::Error-Mode "any";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
`,
  );
  return config;
}

/** The standard output of a command that must succeed. */
function run(command, args, options) {
  const { status, stdout, stderr } = start(command, args, options);
  if (status === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')} ended with ${status}: ${stderr}`);
}

function start(command, args, options) {
  const env = { ...process.env, LC_ALL: 'C' };
  const result = spawnSync(command, args, { encoding: 'utf8', env, ...options });
  if (result.error?.code === 'ENOENT') throw new Impossible(`this machine has no ${command}`);
  if (result.error) throw result.error;
  if (result.signal !== null) throw new Error(`${command} was ended by ${result.signal}`);
  return result;
}

/** apt's own words: the first error, or what it found wrong with a signature. */
function reason(stderr) {
  const [, text] = /^W: (GPG error: .*)/m.exec(stderr) ?? /^E: (.*)/m.exec(stderr) ?? [];
  return text ?? stderr;
}
