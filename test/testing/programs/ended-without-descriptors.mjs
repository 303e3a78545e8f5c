// Ends daemons where this process has no descriptor left.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { start } from 'libsystemd/testing';

const daemon = ['/bin/sh', '-c', 'sleep 60'];
const options = { type: 'exec', sockets: { web: 'tcp' } };

/** Takes all descriptors that this process may have, calls the function, and gives them back. */
async function without(call) {
  const taken = [];
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch {}
  try {
    return await call();
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}

function hasEnded(pid) {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

const stopped = await start(daemon, options);
const main = stopped.mainPid;
const { code } = await without(() => stopped.stop().catch((error) => error));
console.log(`stop: ${code}, ${hasEnded(main) ? 'ended' : 'left'}`);

const controller = new AbortController();
const aborted = await start(daemon, { ...options, signal: controller.signal });
const other = aborted.mainPid;
await without(async () => {
  await delay(100); // the unit is looked at
  controller.abort();
  await delay(50);
});
console.log(`abort: ${hasEnded(other) ? 'ended' : 'left'}`);

// Its child ends a moment after it, and whether it has is looked at after the stop.
const slow = ['/bin/sh', '-c', "(trap 'sleep 0.1; exit' TERM; sleep 60 & wait) & exec sleep 60"];
const parent = await start(slow, { type: 'exec', strict: false }); // a busy machine is late
await delay(100); // the child has its handler
const { signal } = await parent.stop();
await without(() => delay(300));
console.log(`look after a stop: ${signal}`);
