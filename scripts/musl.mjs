// The C library musl, of this machine or fetched, which check-symbols.mjs and test/packaging compare with and run.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { processors, root } from './processors.mjs';

const CANNOT_FETCH = 75;

/**
 * Finds musl for a 64-bit processor, and fetches it from Debian when the machine has none. Returns undefined where it
 * can't be fetched; otherwise
 *
 * - `library`: the file of the C library, which is the dynamic loader too
 * - `root`: the folder that has the library and the files to compile for it, as in `/`
 * - `name`: the processor's name in the names of these files
 */
export function findMusl(arch) {
  const { triplet, debian } = processors.find((processor) => processor.arch === arch);
  const name = triplet.split('-')[0];
  const folder = arch === process.arch && isIn('/', name) ? '/' : fetchMusl(debian);
  return folder === undefined
    ? undefined
    : { library: join(folder, libraryOf(name)), root: folder, name };
}

const libraryOf = (name) => `lib/${name}-linux-musl/libc.so`;

function isIn(folder, name) {
  const headers = join(folder, `usr/include/${name}-linux-musl`);
  return existsSync(join(folder, libraryOf(name))) && existsSync(headers);
}

function fetchMusl(debian) {
  const fetch = join(root, 'scripts/fetch-systemd.mjs');
  const { status, stdout } = spawnSync(process.execPath, [fetch, 'bookworm', '--musl', debian], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status === 0) return stdout.trimEnd();
  if (status === CANNOT_FETCH) return undefined;
  throw new Error(`scripts/fetch-systemd.mjs has ended with ${status}`);
}
