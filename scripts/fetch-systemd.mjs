// Fetches the systemd of a Debian suite by the machine's apt, and unpacks it without an installation.
//
//   node scripts/fetch-systemd.mjs SUITE [--only-libsystemd | --development | --arm64 | --musl ARCHITECTURE | --podman]
//
//   --only-libsystemd   libsystemd instead of all of systemd
//   --development       libsystemd with the headers and files for linking
//   --arm64             libsystemd for arm64, with all libraries that it and Node load there
//   --musl ARCHITECTURE the C library musl instead of systemd, with the files to compile for it
//   --podman            podman instead of systemd, with the programs and libraries that it needs
//
// Prints the folder. A second call finds the same folder: delete it to get a newer systemd of sid. Exits with 75 when
// nothing can be fetched, for example without a network.
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

/** The reason why a fetch is impossible on this machine at this time. */
class Impossible extends Error {}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'only-libsystemd': { type: 'boolean' },
    development: { type: 'boolean' },
    arm64: { type: 'boolean' },
    musl: { type: 'string' },
    podman: { type: 'boolean' },
  },
});
const [suite] = positionals;
if (positionals.length !== 1 || !/^[a-z-]+$/.test(suite)) {
  console.error(
    'Usage: node scripts/fetch-systemd.mjs SUITE [--only-libsystemd | --development | --arm64 | --musl ARCHITECTURE | --podman]',
  );
  process.exit(2);
}
const parts = {
  'only-libsystemd': ['libsystemd0'],
  development: ['libsystemd0', 'libsystemd-dev'],
  musl: ['musl', 'musl-dev'],
  podman: [
    ...['podman', 'conmon', 'runc', 'catatonit', 'golang-github-containers-common'],
    ...['libassuan0', 'libdevmapper1.02.1', 'libglib2.0-0', 'libgpgme11', 'libsubid4'],
  ],
  arm64: [
    'libsystemd0',
    ...['libcap2', 'libgcrypt20', 'libgpg-error0', 'liblz4-1', 'liblzma5', 'libzstd1'],
    ...['libc6', 'libgcc-s1', 'libstdc++6'],
  ],
};
const [part] = Object.keys(values);
/** Debian's name of the processor; undefined for the machine's own. */
const architecture = values.musl ?? (values.arm64 ? 'arm64' : undefined);
const packages = parts[part] ?? ['systemd', 'libsystemd-shared', 'libsystemd0'];

// Not in build/, which a build of the add-on empties.
const cache = resolve(import.meta.dirname, '../node_modules/.cache/systemd');
const name = [suite, part, values.musl].filter(Boolean).join('-');
const folder = join(cache, name);
/** The file with the names of the unpacked packages. It is written last, so a folder without it is incomplete. */
const list = 'packages';

// SIGINT also ends the running command, and then an incomplete folder must be deleted.
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
  // Not in the repository, which the user of apt's downloads may not be able to read.
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

/** Downloads the packages, which apt verifies by the suite's signature. Returns their paths. */
function download(apt) {
  const mirrors = findMirrors();
  const config = writeConfiguration(apt);
  const failures = [];
  for (const mirror of mirrors) {
    writeFileSync(join(apt, 'sources.list'), sourceLine(mirror));
    const { status, stderr } = start('apt-get', ['-q', '-c', config, 'update']);
    const done = status === 0 ? downloadPackages(apt, config) : { stderr };
    if (done.paths !== undefined) return done.paths;
    failures.push(findReason(done.stderr));
  }
  throw new Impossible(failures.join('; ') || "the machine's apt has no sources");
}

function downloadPackages(apt, config) {
  const into = join(apt, 'packages');
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  if (process.getuid() === 0) {
    // apt downloads as another user, the owner of lists/partial.
    const { uid, gid } = statSync(join(apt, 'lists/partial'));
    chownSync(into, uid, gid);
  }
  const args = ['-q', '-c', config, 'download', ...packages];
  const { status, stderr } = start('apt-get', args, { cwd: into });
  if (status !== 0) return { stderr };
  return { paths: readdirSync(into).map((name) => join(into, name)) };
}

/** Lists the mirrors of the machine's own apt sources, which may be nearby. */
function findMirrors() {
  // Not by `indextargets`, which is empty before the machine's first `apt-get update`.
  const uris = run('apt-get', ['--print-uris', 'update']);
  const mirrors = Array.from(uris.matchAll(/^'(\S+)\/dists\/\S+\/InRelease'/gm), ([, uri]) => uri);
  return [...new Set(mirrors)];
}

function sourceLine(mirror) {
  // From Debian 13 on a source must name its key.
  const keyring = ['pgp', 'gpg']
    .map((type) => `/usr/share/keyrings/debian-archive-keyring.${type}`)
    .find((path) => existsSync(path));
  const signedBy = keyring === undefined ? '' : `signed-by=${keyring}`;
  return `deb [target=Packages ${signedBy}] ${mirror} ${suite} main\n`;
}

/**
 * Writes a configuration that apt reads after the machine's own, so that proxies and the like stay. Returns its path.
 */
function writeConfiguration(apt) {
  chmodSync(apt, 0o755);
  writeFileSync(join(apt, 'status'), '');
  for (const name of ['lists', 'cache/archives']) {
    mkdirSync(join(apt, name, 'partial'), { recursive: true });
  }
  const config = join(apt, 'apt.conf');
  writeFileSync(
    config,
    `${architecture ? `APT::Architecture "${architecture}";\nAPT::Architectures { "${architecture}"; };\n` : ''}Dir::Etc::sourcelist "${apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
// No installed package and no pin prevents another version.
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::status "${apt}/status";
Dir::State::lists "${apt}/lists";
Dir::Cache "${apt}/cache";
// These commands would tidy up the machine's own folders.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
// Without this, an update succeeds with a warning when a mirror is unreachable.
APT::Update::Error-Mode "any";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
`,
  );
  return config;
}

/** Runs a command that must succeed, and returns its standard output. */
function run(command, args, options) {
  const { status, stdout, stderr } = start(command, args, options);
  if (status === 0) return stdout;
  throw new Error(
    `${[command, ...args].join(' ')} has ended with ${status}, and should with 0: ${stderr}`,
  );
}

/** Runs a command, and returns its result, whatever its exit status is. */
function start(command, args, options) {
  const env = { ...process.env, LC_ALL: 'C' };
  const result = spawnSync(command, args, { encoding: 'utf8', env, ...options });
  if (result.error?.code === 'ENOENT') throw new Impossible(`${command} was not found`);
  if (result.error) throw result.error;
  if (result.signal !== null) throw new Error(`${command} was killed by ${result.signal}`);
  return result;
}

/** Finds the reason in apt's output: a wrong signature, or else the first error. */
function findReason(stderr) {
  const [, text] = /^W: (GPG error: .*)/m.exec(stderr) ?? /^E: (.*)/m.exec(stderr) ?? [];
  return text ?? stderr;
}
