// The end of workers-plain.mjs and workers-served.mjs: once all workers listen, the primary prints the time since its
// start and the memory as JSON, and ends all processes.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';

/** Reads the megabytes that a process shares with no other. */
function readPrivateMemory(pid) {
  const maps = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const kilobytes = Array.from(maps.matchAll(/^Private_\w+: +(\d+) kB/gm), ([, kb]) => Number(kb));
  return kilobytes.reduce((sum, kb) => sum + kb, 0) / 1000;
}

export function reportAndEnd() {
  const ms = performance.now(); // since the process was started
  const processes = Object.values(cluster.workers).map((worker) => worker.process);
  const sum = processes.reduce((megabytes, { pid }) => megabytes + readPrivateMemory(pid), 0);
  const worker = sum / processes.length;
  console.log(JSON.stringify({ ms, worker, primary: readPrivateMemory(process.pid) }));
  for (const process of processes) process.kill('SIGKILL');
  process.exit();
}
