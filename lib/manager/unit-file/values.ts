// Values of settings: booleans, times, sizes, signals and exit statuses, as systemd reads them.
import { constants } from 'node:os';
import { parseUnsigned } from '../../base/c-number.ts';
import type { ExitStatusSet } from '../description.ts';

/** A value that systemd refuses: it ignores the line, and warns. */
export class InvalidValue extends Error {}

/** A value that systemd takes, and that can't be applied here. */
export class InapplicableValue extends Error {}

/** A value for which systemd refuses to start the unit. */
export class FatalValue extends InvalidValue {}

const YES = new Set(['1', 'yes', 'y', 'true', 't', 'on']);
const NO = new Set(['0', 'no', 'n', 'false', 'f', 'off']);

/** True for a word that switches a setting on. */
export const isYes = (text: string): boolean => YES.has(text.toLowerCase());

export function toBoolean(text: string): boolean {
  if (isYes(text)) return true;
  if (NO.has(text.toLowerCase())) return false;
  throw new InvalidValue('yes or no is expected');
}

/** One of the words; @throws InvalidValue */
export function toWord<const Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    if (words.includes(text as Word)) return text as Word;
    throw new InvalidValue(`one of ${words.join(', ')} is expected`);
  };
}

/** The milliseconds of each unit, see systemd.time(7). A year has 365.25 days, a month a twelfth of that. */
const UNITS: readonly (readonly [names: string, milliseconds: number])[] = [
  ['seconds second sec s', 1000],
  ['minutes minute min', 60_000],
  ['months month M', 2_629_800_000],
  ['msec ms', 1],
  ['m', 60_000],
  ['hours hour hr h', 3_600_000],
  ['days day d', 86_400_000],
  ['weeks week w', 604_800_000],
  ['years year y', 31_557_600_000],
  ['usec us \u00b5s \u03bcs', 0.001],
];

const MILLISECONDS = new Map(
  UNITS.flatMap(([names, value]) => names.split(' ').map((name) => [name, value] as const)),
);

/** A number with its unit. The longest names come first, so that `min` is no `m`. A second fraction is none. */
const AMOUNT = new RegExp(
  `[ \\t\\n\\r]*(?:\\+?(\\d+)(\\.\\d+)?|(\\.\\d+))(?!\\.|\\d)[ \\t\\n\\r]*(${[...MILLISECONDS.keys()].toSorted((one, other) => other.length - one.length).join('|')})?`,
  'y',
);

/** A time such as `5min 20s`, `1.5` (seconds) or `infinity`, in milliseconds. */
export function toMilliseconds(text: string): number {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  let sum = 0;
  AMOUNT.lastIndex = 0;
  while (AMOUNT.lastIndex < text.length || text === '') {
    const [, whole = '0', fraction, alone, unit = 's'] = AMOUNT.exec(text) ?? [];
    if (AMOUNT.lastIndex === 0)
      throw new InvalidValue('a time such as 30, 1min 30s, 500ms or infinity is expected');
    const amount = Number(`${whole}${alone ?? fraction ?? ''}`);
    sum += amount * (MILLISECONDS.get(unit) as number);
  }
  const microseconds = Math.round(sum * 1000);
  if (microseconds >= 2 ** 64)
    throw new InvalidValue('a time of less than 2^64 microseconds is expected');
  return microseconds / 1000;
}

/** A timeout, where 0 means the same as `infinity`. */
export function toTimeout(text: string): number {
  return toMilliseconds(text) || Number.POSITIVE_INFINITY;
}

/** A number from 0 to 2³²-1, in C's notation. */
export function toUnsigned(text: string): number {
  const value = parseUnsigned(text);
  if (typeof value === 'bigint' && value < 2n ** 32n) return Number(value);
  throw new InvalidValue('a number is expected');
}

/** Bytes, with K, M, G, T, P or E for powers of 1024. */
export function toBytes(text: string): number {
  const [, digits, letter = 'B'] = /^(\d+(?:\.\d+)?)[ \t]*([BKMGTPE]?)$/.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * 1024 ** Math.max(0, 'BKMGTPE'.indexOf(letter)));
  if (bytes < 2 ** 64) return bytes;
  throw new InvalidValue('a size such as 512K is expected');
}

export function toMode(text: string): number {
  if (!/^0*[0-7]{1,4}$/.test(text)) throw new InvalidValue('a mode such as 0660 is expected');
  return Number.parseInt(text, 8);
}

/** True for the numbers from SIGRTMIN to SIGRTMAX of glibc, and for names such as SIGRTMIN+3. */
function isRealTime(name: string, number: bigint | number): boolean {
  const [found, up = '0', down] = /^SIGRTM(?:IN(?:\+(\d+))?|AX(?:-(\d+))?)$/.exec(name) ?? [];
  return found === undefined ? number >= 34 && number <= 64 : Number(down ?? up) <= 30;
}

/** Names of Node that systemd does not know. */
const OTHER_NAMES = ['SIGIOT', 'SIGPOLL'];

/** `SIGTERM`, `TERM` or `15`. Node has no names for real-time signals. */
export function toSignal(text: string): NodeJS.Signals {
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  const known = Object.entries(constants.signals).filter(([one]) => !OTHER_NAMES.includes(one));
  const number = parseUnsigned(text);
  const found = known.find(([one, value]) => one === name || BigInt(value) === number);
  if (found !== undefined) return found[0] as NodeJS.Signals;
  if (isRealTime(name, number))
    throw new InapplicableValue('Node has no name for a real-time signal');
  throw new InvalidValue('a signal such as SIGTERM is expected');
}

/** Names of exit statuses with the status of the first one, see systemd.exec(5), "Process Exit Codes". */
const EXIT_STATUSES: readonly (readonly [number, string])[] = [
  [
    0,
    'SUCCESS FAILURE INVALIDARGUMENT NOTIMPLEMENTED NOPERMISSION NOTINSTALLED NOTCONFIGURED NOTRUNNING',
  ],
  [
    64,
    'USAGE DATAERR NOINPUT NOUSER NOHOST UNAVAILABLE SOFTWARE OSERR OSFILE CANTCREAT IOERR TEMPFAIL PROTOCOL NOPERM CONFIG',
  ],
  [
    200,
    'CHDIR NICE FDS EXEC MEMORY LIMITS OOM_ADJUST SIGNAL_MASK STDIN STDOUT CHROOT IOPRIO TIMERSLACK SECUREBITS SETSCHEDULER CPUAFFINITY GROUP USER CAPABILITIES CGROUP SETSID CONFIRM STDERR',
  ],
  [
    224,
    'PAM NETWORK NAMESPACE NO_NEW_PRIVILEGES SECCOMP SELINUX_CONTEXT PERSONALITY APPARMOR ADDRESS_FAMILIES RUNTIME_DIRECTORY',
  ],
  [
    235,
    'CHOWN SMACK_PROCESS_LABEL KEYRING STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY CONFIGURATION_DIRECTORY NUMA_POLICY CREDENTIALS BPF',
  ],
  [255, 'EXCEPTION'],
];

function exitStatus(text: string): number | undefined {
  const code = parseUnsigned(text);
  if (code >= 0 && code <= 255) return Number(code);
  for (const [first, names] of EXIT_STATUSES) {
    const at = names.split(' ').indexOf(text);
    if (at >= 0) return first + at;
  }
  return undefined;
}

/** Adds an exit code, its name or a signal, such as `1`, `TEMPFAIL` or `SIGKILL`, to a set. @throws InvalidValue */
export function addExitStatus(set: ExitStatusSet | undefined, word: string): ExitStatusSet {
  const { codes = [], signals = [] } = set ?? {};
  const code = exitStatus(word);
  return code === undefined
    ? { codes, signals: [...new Set([...signals, toSignal(word)])] }
    : { codes: [...new Set([...codes, code])], signals };
}

/** Applies each word. Words that systemd refuses are left out, and the first refusal is thrown at the end. */
export function applyEach(words: Iterable<string>, apply: (word: string) => void): void {
  let refusal: unknown;
  for (const word of words) {
    try {
      apply(word);
    } catch (error) {
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
}
