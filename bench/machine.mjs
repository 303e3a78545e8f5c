// Facts about the machine and the versions, printed above the tables.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, type } from 'node:os';
import { promisify } from 'node:util';

/** The version of Debian's package libsystemd0. */
async function libsystemdVersion() {
  try {
    const { stdout } = await promisify(execFile)('dpkg-query', ['--status', 'libsystemd0']);
    return /^Version: (.*)$/m.exec(stdout)[1];
  } catch {
    return 'of unknown version';
  }
}

export async function describeMachine() {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url)));
  const [{ model }] = cpus();
  const [load] = loadavg();
  return [
    `Package ${version}, Node ${process.version}, libsystemd ${await libsystemdVersion()}`,
    `${cpus().length} cores of ${model}, ${type()} ${release()}, load average ${load.toFixed(2)} at the start`,
  ];
}
