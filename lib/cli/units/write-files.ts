// Writes several files: all of them, or none.
import { linkSync, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../command.ts';

export interface FileText {
  readonly name: string;
  readonly text: string;
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/**
 * Writes the files into a folder. Each gets its name only when all have been written.
 *
 * @param mayReplace - whether files of these names are replaced
 * @returns their paths
 * @throws Failure when one exists and may not be replaced, or the folder can't be written
 */
export function writeFiles(
  folder: string,
  files: readonly FileText[],
  mayReplace: boolean,
): string[] {
  const paths = files.map(({ name }) => join(folder, name));
  const there = paths.filter(exists);
  if (there.length > 0 && !mayReplace) {
    const [exist, them] = there.length === 1 ? ['exists', 'it'] : ['exist', 'them'];
    throw new Failure(`${there.join(' and ')} ${exist} already; --force replaces ${them}`);
  }
  const unsuitable = there.find((path) => lstatSync(path).isDirectory());
  if (unsuitable !== undefined) throw new Failure(`nothing was written: ${unsuitable} is a folder`);
  const temporary = files.map(({ name }) => join(folder, `.${name}.${process.pid}.new`));
  const done: string[] = [];
  try {
    for (const [at, { text }] of files.entries()) {
      writeFileSync(temporary[at] as string, text, { flag: 'wx', mode: 0o644 });
    }
    for (const [at, path] of paths.entries()) {
      if (mayReplace) renameSync(temporary[at] as string, path);
      else linkSync(temporary[at] as string, path); // unlike rename(2), it replaces no file that came meanwhile
      if (!mayReplace) done.push(path);
    }
  } catch (error) {
    for (const path of done) rmSync(path, { force: true });
    throw new Failure(`nothing was written: ${(error as Error).message}`);
  } finally {
    for (const path of temporary) rmSync(path, { force: true });
  }
  return paths;
}
