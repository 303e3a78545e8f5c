// Users of this machine, and which folders are open to them.
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The ids of a user. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gids: readonly number[];
}

/** Reads a user by id(1), which also knows those of LDAP; undefined for one that does not exist. */
export async function findUser(name: string): Promise<User | 'unknown' | undefined> {
  const ask = async (option: string) =>
    (await run('id', [option, '--', name])).stdout.trim().split(/\s+/).map(Number);
  try {
    const [[uid = 0], gids] = await Promise.all([ask('-u'), ask('-G')]);
    return { name, uid, gids };
  } catch (error) {
    return typeof (error as { code?: unknown }).code === 'number' ? undefined : 'unknown';
  }
}

/** True unless getent(1) says that there is no such group. */
export async function groupExists(name: string): Promise<boolean> {
  try {
    await run('getent', ['group', '--', name]);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== 2;
  }
}

/** True when this user may use a file or folder: `need` is 4 to read, 1 to execute or enter. */
function mayUse(path: string, need: number, { uid, gids }: User): boolean {
  const { mode, uid: owner, gid } = statSync(path);
  if (uid === 0) return true;
  if (uid === owner) return (mode & (need << 6)) !== 0;
  if (gids.includes(gid)) return (mode & (need << 3)) !== 0;
  return (mode & need) !== 0;
}

const foldersAbove = (path: string): string[] => {
  const parent = dirname(path);
  return parent === path ? [path] : [...foldersAbove(parent), path];
};

/**
 * The first folder above a path, or the path itself, that is closed to the user; undefined when there is none, or this
 * process can't tell. ACLs are not looked at.
 *
 * @param need - what the user needs of the path itself: 4 to read it, 1 to execute or enter it
 */
export function closedTo(user: User, path: string, need: 1 | 4): string | undefined {
  try {
    return foldersAbove(path).find((one) => !mayUse(one, one === path ? need : 1, user));
  } catch {
    return undefined;
  }
}
