// A bed for a measurement: a real systemd as PID 1 of new namespaces (test/manager/bed.sh). /opt/servers has the
// programs of servers/; /opt/node_modules has this package, and `empty`, a package of an empty file.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { Manager, REPOSITORY, whyNoBed } from '../test/manager/manager.mjs';
import { installEmpty } from './installation.mjs';

export { whyNoBed };

/** The unit file of a service that runs a program of servers/, with no limit of how often it starts. */
export function service(program, ...lines) {
  const start = `ExecStart=/usr/bin/node /opt/servers/${program}`;
  return ['[Unit]', 'StartLimitIntervalSec=0', '[Service]', start, ...lines, ''].join('\n');
}

/** The unit file of a socket for the service of the same name. */
export function socket(port) {
  return `[Socket]\nListenStream=127.0.0.1:${port}\nTriggerLimitIntervalSec=0\n`;
}

class Bed extends Manager {
  /** Runs a program of bench/ in the bed, and returns the JSON that it prints. */
  async runForJson(program, ...args) {
    const path = `${REPOSITORY}/bench/${program}`;
    return JSON.parse(await this.run('/usr/bin/node', path, ...args.map(String)));
  }

  /** Copies what the services need, and adds their units. */
  async prepare(units) {
    await installEmpty(this.path('/opt/node_modules/empty'));
    const servers = join(import.meta.dirname, 'servers');
    await cp(servers, this.path('/opt/servers'), { recursive: true });
    await this.addUnits(units);
  }
}

/** Starts a bed with these units, calls `use` with it, and returns the result. */
export async function inBed(units, use) {
  const bed = await Bed.launch();
  try {
    await bed.prepare(units);
    return await use(bed);
  } finally {
    await bed.stop();
  }
}
