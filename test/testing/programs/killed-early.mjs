// Is killed as soon as it has made the folder of its units.
import fs from 'node:fs';
import { start } from 'libsystemd/testing';

for (const name of ['mkdirSync', 'mkdtempSync']) {
  const make = fs[name];
  fs[name] = (...args) => {
    const made = make(...args) ?? args[0];
    if (made.includes('libsystemd-unit-')) {
      fs.writeSync(1, made);
      process.kill(process.pid, 'SIGKILL');
    }
    return made;
  };
}
await start(['/bin/true'], { type: 'exec' });
