// Specifiers: %n, %i, %t and the like in the values of unit files, see systemd.unit(5), "Specifiers".
import { readFileSync } from 'node:fs';
import { hostname, release, tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { type UnitName, unescapeUnitName } from './unit-name.ts';
import { InvalidValue } from './values.ts';

/** What specifiers are made of. */
export interface Specifiers {
  readonly name: UnitName;
  /** The path of the unit file. */
  readonly file: string;
  /** True: folders of the system's manager, such as /run. False: those of a user's manager. */
  readonly isSystem: boolean;
}

/** systemd's word for the processor, see "ConditionArchitecture=" in systemd.unit(5). */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'x86-64',
  ia32: 'x86',
  ppc64: 'ppc64-le',
};

/** The first line of a file; '' where there is no such file. */
function readLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').split('\n', 1)[0] as string;
  } catch {
    return '';
  }
}

/** A value of os-release(5), without its quotes. */
function osRelease(key: string): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return new RegExp(`^${key}=(["']?)(.*)\\1$`, 'm').exec(text)?.[2] ?? '';
  } catch {
    return '';
  }
}

/** A folder of the system's manager, or of a user's: a variable, or else a path below the home. */
function folder(system: string, variable: string, belowHome: string) {
  return ({ isSystem }: Specifiers): string =>
    isSystem ? system : (process.env[variable] ?? join(userInfo().homedir, belowHome));
}

const runtimeFolder = ({ isSystem }: Specifiers): string =>
  isSystem ? '/run' : (process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${userInfo().uid}`);

const withoutSuffix = ({ full, suffix }: UnitName): string => full.slice(0, -suffix.length);
const lastPart = (prefix: string): string => prefix.slice(prefix.lastIndexOf('-') + 1);
const stateFolder = folder('/var/lib', 'XDG_STATE_HOME', '.local/state');

const VALUES: Readonly<Record<string, (given: Specifiers) => string>> = {
  '%': () => '%',
  n: ({ name }) => name.full,
  N: ({ name }) => withoutSuffix(name),
  p: ({ name }) => name.prefix,
  P: ({ name }) => unescapeUnitName(name.prefix),
  i: ({ name }) => name.instance ?? '',
  I: ({ name }) => unescapeUnitName(name.instance ?? ''),
  j: ({ name }) => lastPart(name.prefix),
  J: ({ name }) => unescapeUnitName(lastPart(name.prefix)),
  f: ({ name }) => `/${unescapeUnitName(name.instance ?? name.prefix)}`,
  t: runtimeFolder,
  S: stateFolder,
  C: folder('/var/cache', 'XDG_CACHE_HOME', '.cache'),
  L: (given) => (given.isSystem ? '/var/log' : join(stateFolder(given), 'log')),
  E: folder('/etc', 'XDG_CONFIG_HOME', '.config'),
  T: () => tmpdir(),
  V: () => process.env['TMPDIR'] ?? '/var/tmp',
  d: (given) => join(runtimeFolder(given), 'credentials', given.name.full),
  y: ({ file }) => file,
  Y: ({ file }) => dirname(file),
  h: () => userInfo().homedir,
  s: () => userInfo().shell ?? '/bin/sh',
  u: () => userInfo().username,
  U: () => String(userInfo().uid),
  g: () => (userInfo().gid === 0 ? 'root' : userInfo().username),
  G: () => String(userInfo().gid),
  H: () => hostname(),
  l: () => hostname().split('.', 1)[0] as string,
  q: () => hostname(),
  m: () => readLine('/etc/machine-id'),
  b: () => readLine('/proc/sys/kernel/random/boot_id').replaceAll('-', ''),
  v: () => release(),
  a: () => ARCHITECTURES[process.arch] ?? process.arch,
  o: () => osRelease('ID'),
  w: () => osRelease('VERSION_ID'),
  W: () => osRelease('VARIANT_ID'),
  B: () => osRelease('BUILD_ID'),
  M: () => osRelease('IMAGE_ID'),
  A: () => osRelease('IMAGE_VERSION'),
};

/**
 * Replaces the specifiers in a text. A `%` before anything but a letter or digit stays.
 *
 * @throws InvalidValue for a letter or digit that is no specifier
 */
export function expandSpecifiers(text: string, given: Specifiers): string {
  return text.replace(/%([%a-zA-Z\d])/g, (all, letter: string) => {
    if (!Object.hasOwn(VALUES, letter)) throw new InvalidValue(`${all} is no specifier; write %%`);
    return (VALUES[letter] as (typeof VALUES)[string])(given);
  });
}
