// The environment of a program that has no libsystemd, so that the built-in functions stand in for all of it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

/**
 * Creates a folder in which the loader finds a file with this content before the machine's libsystemd, and fails as
 * if there was none. Returns the variable that names the folder. The folder is removed after the tests of the file.
 */
export function withoutLibrary(content = ''): { LD_LIBRARY_PATH: string } {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'libsystemd.so.0'), content);
  return { LD_LIBRARY_PATH: folder };
}
