// A daemon whose configuration names its listeners; systemd opens their sockets.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { notify } from 'libsystemd';
import { matchListeners } from './listeners.mjs';
import { lead } from './primary.mjs';
import { work } from './worker.mjs';

const EX_CONFIG = 78; // sysexits(3): systemctl status says CONFIG

const file = process.argv[2] ?? new URL('adapted-daemon.json', import.meta.url);
const configuration = JSON.parse(readFileSync(file, 'utf8'));
const { matched, problems } = matchListeners(configuration.listeners);

if (problems.length > 0) {
  for (const problem of problems) console.error(problem);
  notify.status(problems.join('; '));
  process.exitCode = EX_CONFIG;
} else if (cluster.isPrimary) {
  await lead(configuration, matched);
} else {
  await work(matched);
}
