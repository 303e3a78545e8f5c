// Starts units, prints what they are made of as JSON, and does what its argument says: waits for its end, throws, exits.
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { start } from 'libsystemd/testing';

/** By this variable a test finds the processes, also those that have an environment of their own. */
const env = { MARK: randomUUID() };
const daemon = join(import.meta.dirname, 'does.mjs');
const units = await Promise.all(
  ['child:clean', 'detached'].map((action) =>
    start([process.execPath, daemon, action, 'READY=1'], {
      sockets: { http: 'unix' },
      strict: false,
      startTimeout: 20_000,
      env,
    }),
  ),
);
console.log(
  JSON.stringify({
    mark: env.MARK,
    folder: dirname(dirname(dirname(units[0].addresses.http.path))),
  }),
);

const endings = {
  wait: () => setInterval(() => {}, 1000),
  throw: () => {
    throw new Error('As a test does');
  },
  exit: () => process.exit(0),
  // Nothing of a unit keeps the process alive.
  nothing: () => {},
};
endings[process.argv[2]]();
