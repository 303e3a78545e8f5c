// The chunks of dist/cjs/ and dist/parts/: files that are loaded at their first use (scripts/lazy-chunks.mjs). The
// sources are in no chunks, so nothing here does anything when they run without a build.
import { isOutOfDescriptors } from '../base/errors.ts';

/**
 * Milliseconds from the start of a service, or the first use of the add-on, until all chunks are loaded: after the
 * first client.
 */
const DELAY = 1_000;

let loadAll = (): void => {};

/**
 * Sets the function that loads all chunks. The code that the build adds to an index.js calls this, and lib/import.ts.
 */
export function setLoadAll(load: () => void): void {
  loadAll = load;
}

/** Loads all chunks that are not loaded yet. */
export function loadChunks(): void {
  loadAll();
}

let isPlanned = false;

/**
 * Makes the process independent of the package's files soon, because a deployment may replace them while the process
 * runs. A chunk that can't be loaded is no error here: the call that needs the chunk throws it. In jest nothing is
 * planned, because jest fails when code of a test file that has ended loads a file, and no deployment replaces the
 * package in a test.
 */
export function loadChunksSoon(): void {
  if (isPlanned || process.env['JEST_WORKER_ID'] !== undefined) return;
  isPlanned = true;
  const load = () => {
    isPlanned = false;
    try {
      loadChunks();
    } catch (error) {
      if (isOutOfDescriptors(error)) loadChunksSoon();
    }
  };
  setTimeout(load, DELAY).unref();
}
