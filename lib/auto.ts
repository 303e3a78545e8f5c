/**
 * For `node --import libsystemd/auto app.js` and `node -r libsystemd/auto app.js`: a program that knows nothing of
 * systemd is served with its sockets, announced as ready, watched and drained. docs/auto.md tells all. The module has
 * no exports, and does nothing in a process that systemd has not started.
 *
 * @module libsystemd/auto
 */

import { isConcerned } from './auto/concern.ts';

// The rest is in a file of its own, because nearly every start of a program is not by systemd, and should not pay.
if (isConcerned()) {
  const { createRequire } = process.getBuiltinModule('node:module');
  createRequire(import.meta.url)('./cjs/automatic.js').start();
}
