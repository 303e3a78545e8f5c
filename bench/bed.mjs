// A real systemd as PID 1 of namespaces of its own, for as long as a measurement takes. It knows
// servers/ as /opt/servers, and beside them in /opt/node_modules this package and `empty`, a package
// of an empty file.
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Manager, REPOSITORY, whyNoBed } from '../test/manager/manager.mjs';

export { whyNoBed };

/** A service unit for one of servers/, which may be started as often as one likes. */
export function service(server, ...lines) {
  const start = `ExecStart=/usr/bin/node /opt/servers/${server}.mjs`;
  return ['[Unit]', 'StartLimitIntervalSec=0', '[Service]', start, ...lines, ''].join('\n');
}

/** The socket unit of the service of the same name. */
export function socket(port) {
  return `[Socket]\nListenStream=127.0.0.1:${port}\nTriggerLimitIntervalSec=0\n`;
}

class Bed extends Manager {
  /** Runs a program of bench/, whose answer is JSON. */
  async ask(program, ...args) {
    const path = `${REPOSITORY}/bench/${program}`;
    return JSON.parse(await this.run('/usr/bin/node', path, ...args.map(String)));
  }

  async furnish(units) {
    const empty = this.path('/opt/node_modules/empty');
    await mkdir(empty);
    await writeFile(join(empty, 'package.json'), '{ "exports": "./index.mjs" }');
    await writeFile(join(empty, 'index.mjs'), '');
    const servers = join(import.meta.dirname, 'servers');
    await cp(servers, this.path('/opt/servers'), { recursive: true });
    await this.addUnits(units);
  }
}

/** Gives what `use` makes of a bed whose manager knows these units, texts by their names. */
export async function inBed(units, use) {
  const bed = await Bed.launch();
  try {
    await bed.furnish(units);
    return await use(bed);
  } finally {
    await bed.stop();
  }
}
