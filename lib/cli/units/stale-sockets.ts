// Socket units of an earlier run, with names that the files don't have any more: they would go on to start the service.
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SOCKET_MARK, type UnitText } from './texts.ts';

export interface StaleSockets {
  /** Those that were written by this command, and are removed now. */
  readonly removed: readonly string[];
  /** Those that somebody else has written, or that may not be removed. */
  readonly left: readonly string[];
}

function textOf(path: string): string | undefined {
  try {
    return lstatSync(path).isFile() ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined; // gone meanwhile, or not to be read
  }
}

/**
 * Finds socket units in a folder that start the service and are not among its files.
 *
 * @param mayRemove - whether those that this command has written are removed
 */
export function handleStaleSockets(
  folder: string,
  service: string,
  files: readonly UnitText[],
  mayRemove: boolean,
): StaleSockets {
  const kept = new Set(files.map(({ name }) => name));
  const removed: string[] = [];
  const left: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.socket') || kept.has(name)) continue;
    const path = join(folder, name);
    const text = textOf(path);
    const lines = text?.split('\n') ?? [];
    const isOfService =
      name === `${service}.socket` || lines.includes(`Service=${service}.service`);
    if (text === undefined || !isOfService) continue;
    const isRemoved = mayRemove && lines.includes(`# ${SOCKET_MARK}`);
    if (isRemoved) rmSync(path);
    (isRemoved ? removed : left).push(path);
  }
  return { removed, left };
}
