// Starts a daemon while this process has no descriptor left, and later: the first start has to load the kit.
import { closeSync, openSync } from 'node:fs';
import { start, unavailable } from 'libsystemd/testing';

const taken = [];
try {
  for (;;) taken.push(openSync('/dev/null'));
} catch {}
const daemon = ['/bin/sh', '-c', 'sleep 60'];
const { code } = await start(daemon, { type: 'exec' }).catch((error) => error);
console.log(`${code}; ${unavailable()}`);

for (const fd of taken) closeSync(fd);
const unit = await start(daemon, { type: 'exec' });
console.log(`${unit.state}; ${unavailable()}`);
await unit.stop();
