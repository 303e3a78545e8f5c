// What a process of the service needs on this machine before it can begin: program, folder, files, user.
import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { isExecutable, whyNotExecuted } from '../../manager/program-search.ts';
import type { ReadUnit, UnitFile } from '../../manager/unit-file.ts';
import { allValues, expanded, type Facts, isOn, lastValue } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';
import { NODE_LINE } from '../programs.ts';
import { findUser, groupExists, type User } from '../users.ts';
import { hasOwnFiles, whyHidden } from './hidden.ts';
import { checkNode } from './node-files.ts';

/** Whom the files must be open to. DynamicUser= makes a user who owns nothing and is in no group. */
const ANYBODY: User = { name: 'the user of DynamicUser=', uid: -1, gids: [] };
const ROOT: User = { name: 'root', uid: 0, gids: [] };

/** The root directory of the service, where it is not that of this machine. */
const otherRoot = (service: ReadUnit): string | undefined =>
  lastValue(service, 'RootDirectory') ?? lastValue(service, 'RootImage');

const isNumber = (name: string): boolean => /^\d+$/.test(name);

/** The user that the service runs as; undefined for one that does not exist, or that is not known. */
async function userOf(service: ReadUnit): Promise<readonly [User | undefined, Finding[]]> {
  if (isOn(service, 'DynamicUser')) return [ANYBODY, []];
  const group = expanded(service, lastValue(service, 'Group') ?? '');
  const findings: Finding[] = [];
  if (group && !isNumber(group) && !(await groupExists(group))) {
    findings.push(
      bad(
        'user',
        `Group=${group}: there is no such group here: the service ends with 216/GROUP`,
        `sudo groupadd --system ${group}`,
      ),
    );
  }
  const name = expanded(service, lastValue(service, 'User') ?? 'root');
  if (name === undefined || isNumber(name)) return [undefined, findings];
  if (name === 'root') return [ROOT, findings];
  const user = await findUser(name);
  if (user === 'unknown') return [undefined, findings];
  if (user === undefined) {
    findings.push(
      bad(
        'user',
        `User=${name}: there is no such user here: the service ends with 217/USER`,
        `sudo useradd --system ${name}`,
      ),
    );
    return [undefined, findings];
  }
  return [user, [...findings, good('user', `User=${name} exists`)]];
}

function checkProgram({ unit, service }: UnitFile, user: User | undefined): Finding[] {
  const path = unit.start.argv[0] as string;
  if (!isAbsolute(path)) return [];
  const program = isExecutable(path) ? realpathSync(path) : undefined;
  if (program === undefined && hasOwnFiles(service)) return [];
  if (program === undefined) {
    const text = `${path} is no program that can be run here: the service ends with 203/EXEC`;
    return [bad('program', text, NODE_LINE)];
  }
  const broken = whyNotExecuted(program);
  if (broken !== undefined)
    return [bad('program', `${path} can't be executed, and ends with 203/EXEC: ${broken}`)];
  const why = whyHidden(service, program, user, 1);
  if (why === undefined) return [];
  return [bad('program', `${why}, and ${program} is there: it ends with 203/EXEC`, NODE_LINE)];
}

/** The folders that systemd makes before it starts a process. */
function madeFolders(service: ReadUnit): string[] {
  const parents = {
    State: '/var/lib',
    Runtime: '/run',
    Cache: '/var/cache',
    Logs: '/var/log',
    Configuration: '/etc',
  };
  return Object.entries(parents).flatMap(([kind, parent]) =>
    allValues(service, `${kind}Directory`)
      .flatMap((value) => (expanded(service, value) ?? '').split(/[ \t]+/))
      .map((name) => join(parent, name.split(':', 1)[0] as string)),
  );
}

/** True for a folder, and for a path that this process may not look at. */
function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return true;
  }
}

function checkDirectory({ unit, service }: UnitFile, user: User | undefined): Finding[] {
  const value = lastValue(service, 'WorkingDirectory');
  const path = unit.directory;
  if (value === undefined || path === undefined || /^-|^~|%[hd]/.test(value)) return [];
  if (madeFolders(service).some((made) => `${path}/`.startsWith(`${made}/`))) return [];
  if (!isFolder(path) && hasOwnFiles(service)) return [];
  const why = isFolder(path) ? whyHidden(service, path, user, 1) : 'there is no such folder here';
  if (why === undefined) return [good('directory', `WorkingDirectory=${path} is there`)];
  return [
    bad(
      'directory',
      `WorkingDirectory=${path}: ${why}: the service ends with 200/CHDIR`,
      `sudo mkdir -p ${path}`,
    ),
  ];
}

/** The files of EnvironmentFile=. systemd itself reads them, so they need not be open to the user. */
function checkEnvironmentFiles({ service }: UnitFile): Finding[] {
  return allValues(service, 'EnvironmentFile').flatMap((value) => {
    const path = expanded(service, value);
    if (path === undefined || !path.startsWith('/') || /[*?[]/.test(path)) return [];
    if (isFileOrHidden(path)) return [good('environment-file', `EnvironmentFile=${path} is there`)];
    const text = `EnvironmentFile=${path} is not there: systemd does not start the service (result resources)`;
    return [bad('environment-file', text, `EnvironmentFile=-${path}`)];
  });
}

/** True for a path that is there, or that this process may not look at. */
function isFileOrHidden(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

/** True for a template whose instances run different programs. */
const isOfEachInstance = (service: ReadUnit): boolean =>
  expanded(service, lastValue(service, 'ExecStart') ?? '') === undefined;

/** All findings about what a process needs. */
export async function checkProcess({ file, shown }: Facts): Promise<Finding[]> {
  if (file === undefined) return [];
  const [user, aboutUser] = await userOf(file.service);
  const root = otherRoot(file.service);
  if (root !== undefined) {
    const text = `node and the program have to be in ${root} too, or BindReadOnlyPaths= has to name them`;
    return [advice('program', text), ...checkEnvironmentFiles(file)];
  }
  return [
    ...aboutUser,
    ...(isOfEachInstance(file.service)
      ? []
      : [...checkProgram(file, user), ...checkNode(file, user, shown !== undefined)]),
    ...checkDirectory(file, user),
    ...checkEnvironmentFiles(file),
  ];
}
