// A daemon with a child is killed while this process has no descriptor left.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { start } from 'libsystemd/testing';

const [restart] = process.argv.slice(2);
const daemon = ['/bin/sh', '-c', 'sleep 600 & echo $!; wait'];
const unit = await start(daemon, { type: 'exec', restart, strict: false, restartDelay: 10 });
await unit.until(({ output }) => output.endsWith('\n'), { timeout: 20_000 });
const { mainPid } = unit;
const child = Number(unit.output);

const taken = [];
try {
  for (;;) taken.push(openSync('/dev/null'));
} catch {}
process.kill(mainPid, 'SIGKILL');
await unit.until(({ state }) => state === 'failed', { timeout: 20_000 });
console.log(`failed: ${unit.result}`);
for (const line of new Set(unit.log)) if (/no descriptor/.test(line)) console.log(line);
for (const fd of taken) closeSync(fd);

await unit.stop();
console.log(hasEnded(child) ? 'ended' : 'left');

function hasEnded(pid) {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}
