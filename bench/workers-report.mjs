// What the primary of bench/workers-*.mjs says when all workers listen; then all of them end.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';

/** The megabytes that this process shares with no other. */
function ownMemory(pid) {
  const maps = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const kilobytes = Array.from(maps.matchAll(/^Private_\w+: +(\d+) kB/gm), ([, kb]) => Number(kb));
  return kilobytes.reduce((sum, kb) => sum + kb, 0) / 1000;
}

export function report() {
  const ms = performance.now(); // since the process was started
  const processes = Object.values(cluster.workers).map((worker) => worker.process);
  const sum = processes.reduce((megabytes, { pid }) => megabytes + ownMemory(pid), 0);
  const worker = sum / processes.length;
  console.log(JSON.stringify({ ms, worker, primary: ownMemory(process.pid) }));
  for (const process of processes) process.kill('SIGKILL');
  process.exit();
}
