// Starts daemons with as few free descriptors as each number says. Prints when some of them are lost.
import { closeSync, openSync } from 'node:fs';
import { start } from 'libsystemd/testing';

const daemon = ['/bin/sh', '-c', 'sleep 60'];
const options = { type: 'exec', sockets: { web: 'tcp', admin: 'unix' } };
await (await start(daemon, options)).stop(); // what is loaded once is open then

/** Opens as many descriptors as this process may have. */
function fill() {
  const opened = [];
  try {
    for (;;) opened.push(openSync('/dev/null'));
  } catch {
    return opened;
  }
}

// With more than these the pipes of the daemon are made, and Node loses some when it can't make all of them.
for (let free = 0; free < 7; free++) {
  const taken = fill();
  for (const fd of taken.splice(0, free)) closeSync(fd);
  let unit;
  try {
    unit = await start(daemon, options);
  } catch {}
  await unit?.stop();
  const left = fill();
  for (const fd of [...taken, ...left]) closeSync(fd);
  if (left.length !== free) console.log(`of ${free} free descriptors ${left.length} are left`);
}
