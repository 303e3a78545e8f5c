// A service in cluster workers, in which each process prints the variables of systemd that it and its child process see.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { serve } from 'libsystemd';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
process.on('warning', ({ code, message }) => say({ warning: code, message }));

const seen = 'Object.keys(process.env).filter((name) => /^(LISTEN|NOTIFY|WATCHDOG)_/.test(name))';
const inChild = ['-e', `process.stdout.write(${seen}.join())`];

await serve(
  createServer((_, response) => response.end('hello')),
  { workers: 2 },
);
const own = Object.keys(process.env).filter((name) => /^(LISTEN|NOTIFY|WATCHDOG)_/.test(name));
say({ own, child: execFileSync(process.execPath, inChild, { encoding: 'utf8' }) });
