// Files of this machine that a service does not see, or may not open.
import { isYes } from '../../manager/unit-file/values.ts';
import type { ReadUnit } from '../../manager/unit-file.ts';
import { lastValue } from '../facts.ts';
import { folderAbove, HOMES } from '../programs.ts';
import { closedTo, type User } from '../users.ts';

/** Settings that put files where this process does not see them. */
export const hasOwnFiles = (service: ReadUnit): boolean =>
  ['BindPaths', 'BindReadOnlyPaths', 'TemporaryFileSystem', 'MountImages', 'ExtensionImages'].some(
    (key) => lastValue(service, key) !== undefined,
  );

/** Why the service does not reach a path that exists; undefined when it does, or that is not known. */
export function whyHidden(
  service: ReadUnit,
  path: string,
  user: User | undefined,
  need: 1 | 4,
): string | undefined {
  if (hasOwnFiles(service)) return undefined;
  const home = folderAbove(path, HOMES);
  const protectHome = lastValue(service, 'ProtectHome') ?? '';
  if (home !== undefined && (isYes(protectHome) || protectHome === 'tmpfs'))
    return `ProtectHome= hides ${home} from the service`;
  const capabilities = lastValue(service, 'AmbientCapabilities');
  if (user === undefined || capabilities !== undefined) return undefined;
  if (lastValue(service, 'SupplementaryGroups') !== undefined) return undefined;
  const closed = closedTo(user, path, need);
  return closed === undefined ? undefined : `${closed} is closed to ${user.name}`;
}
