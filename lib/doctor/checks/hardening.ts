// Hardening under which Node does not start, or fails later: docs/hardening.md has the measurements.

import { programBetween } from '../../manager/programs.ts';
import type { ReadUnit, UnitFile } from '../../manager/unit-file.ts';
import { allValues, allWords, type Facts, isOn, lastValue } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';
import { isNode } from '../programs.ts';

interface Rule {
  /** True when the unit has the fault. */
  readonly hasFault: (service: ReadUnit, argv: readonly string[]) => boolean;
  readonly message: string | ((service: ReadUnit) => string);
  readonly lines: readonly string[];
  /** True: the service works, and a part of Node's API does not. */
  readonly isAdvice?: true;
}

/** A list of what is allowed, or of what is forbidden. */
interface List {
  /** True: everything else is forbidden. */
  readonly isAllowList: boolean;
  readonly allowed: readonly string[];
  readonly forbidden: readonly string[];
}

/**
 * Reads a setting whose lines forbid what they name when they begin with `~`. The first line says which kind of list it
 * is; undefined when there is no line.
 */
function listOf(service: ReadUnit, key: string): List | undefined {
  const lines = allValues(service, key);
  const words = (isForbidden: boolean) =>
    lines
      .filter((line) => line.startsWith('~') === isForbidden)
      .flatMap((line) =>
        line
          .replace('~', '')
          .trim()
          .split(/[ \t]+/),
      )
      .map((word) => word.replace(/:.*/, ''));
  if (lines.length === 0) return undefined;
  return {
    isAllowList: !lines[0]?.startsWith('~'),
    allowed: words(false),
    forbidden: words(true),
  };
}

const filterOf = (service: ReadUnit) => listOf(service, 'SystemCallFilter');

/** True when a forbidden system call ends the process: SystemCallErrorNumber= would make it an error. */
function filterKills(service: ReadUnit): boolean {
  const number = lastValue(service, 'SystemCallErrorNumber');
  return filterOf(service) !== undefined && (number === undefined || number === 'kill');
}

/** Groups of system calls without which Node ends at its start, whether a forbidden call kills or fails: measured. */
const VITAL = [
  ...['@default', '@basic-io', '@file-system', '@io-event', '@ipc', '@network-io', '@process'],
  ...['@signal', '@system-service', '@known'],
];

const vitalForbidden = (service: ReadUnit): string[] => {
  const forbidden = filterOf(service)?.forbidden ?? [];
  return VITAL.filter((group) => forbidden.includes(group));
};

/** More calls by their names than this are the list of somebody who has traced the program. */
const MANY_CALLS = 60;

/** True for a list of what is allowed that can't have all that Node needs: @system-service has. */
function allowsTooLittle(service: ReadUnit): boolean {
  const list = filterOf(service);
  if (list === undefined || !list.isAllowList || list.allowed.length > MANY_CALLS) return false;
  return !list.allowed.some((word) => word === '@system-service' || word === '@known');
}

/** True when the families are restricted, and this one is not among those allowed. */
function forbidsFamily(service: ReadUnit, family: string): boolean {
  const list = listOf(service, 'RestrictAddressFamilies');
  if (list === undefined) return false;
  if (list.allowed[0] === 'none' || list.forbidden.includes(family)) return true;
  return list.isAllowList && !list.allowed.includes(family);
}

const RULES: readonly Rule[] = [
  {
    hasFault: (service, argv) =>
      isOn(service, 'MemoryDenyWriteExecute') && !argv.includes('--jitless'),
    message:
      'MemoryDenyWriteExecute=yes ends Node at its start: V8 runs the code that it has compiled',
    lines: ['MemoryDenyWriteExecute=no'],
  },
  {
    hasFault: (service) => vitalForbidden(service).length > 0,
    message: (service) =>
      `SystemCallFilter=~${vitalForbidden(service).join(' ')} ends Node at its start: it needs these calls`,
    lines: ['SystemCallFilter=', 'SystemCallFilter=@system-service @pkey'],
  },
  {
    hasFault: allowsTooLittle,
    message:
      'SystemCallFilter= without @system-service ends Node at its start: it needs more calls',
    lines: ['SystemCallFilter=@system-service @pkey'],
  },
  {
    hasFault: (service) => {
      const { isAllowList, allowed = [], forbidden = [] } = filterOf(service) ?? {};
      const isKey = (word: string) => /^(?:@pkey|pkey_alloc|@known)$/.test(word);
      if (!filterKills(service) || allowsTooLittle(service)) return false;
      return isAllowList ? !allowed.some(isKey) || forbidden.some(isKey) : forbidden.some(isKey);
    },
    message: 'SystemCallFilter= without @pkey kills Node 20 at its start (SIGSYS)',
    lines: ['SystemCallFilter=@pkey', 'SystemCallErrorNumber=EPERM'],
  },
  {
    hasFault: (service) =>
      filterKills(service) &&
      (filterOf(service)?.forbidden ?? []).some((word) =>
        /^@(?:privileged|resources|chown)$/.test(word),
      ),
    message:
      'SystemCallFilter= kills Node when fs.copyFile() or os.setPriority() is called (SIGSYS)',
    lines: ['SystemCallErrorNumber=EPERM'],
  },
  {
    hasFault: (service) => forbidsFamily(service, 'AF_UNIX'),
    message:
      'RestrictAddressFamilies= without AF_UNIX: no message reaches systemd, not even READY=1',
    lines: ['RestrictAddressFamilies=AF_UNIX'],
  },
  {
    hasFault: (service) => forbidsFamily(service, 'AF_NETLINK') && !isOn(service, 'PrivateNetwork'),
    message: 'RestrictAddressFamilies= without AF_NETLINK: os.networkInterfaces() throws',
    lines: ['RestrictAddressFamilies=AF_NETLINK'],
    isAdvice: true,
  },
  {
    hasFault: (service) =>
      allWords(service, 'NoExecPaths').includes('/') && allWords(service, 'ExecPaths').length === 0,
    message: 'NoExecPaths=/ without ExecPaths=: node itself cannot be run',
    lines: ['ExecPaths=/usr/bin/node /usr/lib /usr/lib64'],
  },
  {
    hasFault: (service) => lastValue(service, 'ProcSubset') === 'pid',
    message:
      'ProcSubset=pid: os.cpus() is empty, so serve({ workers: os.cpus().length }) starts none',
    lines: ['ProcSubset=all'],
    isAdvice: true,
  },
  {
    hasFault: (service) =>
      lastValue(service, 'ProtectSystem') === 'strict' &&
      !isOn(service, 'PrivateTmp') &&
      !isOn(service, 'DynamicUser'),
    message: 'ProtectSystem=strict without PrivateTmp=: /tmp is read-only',
    lines: ['PrivateTmp=yes'],
    isAdvice: true,
  },
];

function checkFile({ service, unit }: UnitFile): Finding[] {
  const { argv } = unit.start;
  if (!isNode(argv) && programBetween(argv) === undefined) return [];
  const found = RULES.filter(({ hasFault }) => hasFault(service, argv));
  if (found.length === 0) return [good('hardening', 'hardening: nothing under which Node fails')];
  return found.map(({ message, lines, isAdvice }) =>
    (isAdvice ? advice : bad)(
      'hardening',
      typeof message === 'string' ? message : message(service),
      ...lines,
    ),
  );
}

/** All findings about hardening. */
export const checkHardening = ({ file }: Facts): Finding[] =>
  file === undefined ? [] : checkFile(file);
