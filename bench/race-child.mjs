// Sends status after status without end.
import { setImmediate as turn } from 'node:timers/promises';
import { notify } from 'libsystemd';

/** The number of messages after which the event loop gets its turn: those that wait are sent there. */
const MESSAGES = 1000;

process.stdout.write('ready\n');
for (let i = 0; ; i++) {
  notify.status(`${i} requests served`);
  if (i % MESSAGES === 0) await turn();
}
