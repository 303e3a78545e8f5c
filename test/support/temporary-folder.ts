// A folder for the files of one test file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Creates a folder, and removes it after the tests of the file, or of the `describe`, that has called this. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'libsystemd-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
