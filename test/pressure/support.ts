// A program that watches for memory pressure, in a process of its own with the variables of a service.
import { spawn, spawnSync } from 'node:child_process';
import { Service } from '../support/service.ts';
import { root } from '../support/tools.ts';

/** systemd's own value of MEMORY_PRESSURE_WRITE: `some 200000 2000000` and a NUL. */
export const WRITE = 'c29tZSAyMDAwMDAgMjAwMDAwMAA=';

type Variables = Readonly<Record<string, string>>;

const PRELUDE = `
  import { writeSync, readdirSync, readlinkSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { Worker } from 'node:worker_threads';
  import { onMemoryPressure, serve } from 'libsystemd';
  const say = (line) => writeSync(1, JSON.stringify(line) + '\\n');
  process.on('warning', ({ code, message }) => say({ warning: code, message }));
  process.on('uncaughtException', ({ message }) => say({ uncaught: message }));
  const tell = ({ stalled }) => say({ stalled: stalled ?? null });
  const attempt = (...args) => {
    try {
      return { source: onMemoryPressure(...args).source ?? null };
    } catch ({ name, code, syscall, path, message }) {
      return { name, code, syscall, path, message };
    }
  };
  const isPressureFile = (fd) => {
    try {
      return readlinkSync('/proc/self/fd/' + fd).endsWith('memory.pressure');
    } catch {
      return false; // the descriptor by which the folder was read
    }
  };
  const openFiles = () => readdirSync('/proc/self/fd').filter(isPressureFile).length;
  // A worker thread that runs this code, says 'ready', and stays.
  const thread = (code) => {
    const source =
      'import { parentPort } from "node:worker_threads";' +
      'import { onMemoryPressure } from ' + JSON.stringify(import.meta.resolve('libsystemd')) + ';' +
      code + 'parentPort.on("message", () => {}); parentPort.postMessage("ready");';
    return new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)));
  };
  const stay = () => setInterval(() => {}, 1000);
`;

/** A line that the program says. */
export interface Line {
  readonly source?: string | null;
  readonly stalled?: number | null;
  readonly code?: string;
  readonly message?: string;
  readonly warning?: string;
  readonly [key: string]: unknown;
}

function commandOf(source: string): readonly string[] {
  return ['--input-type=module', '--eval', `${PRELUDE}${source}`];
}

function environment(variables: Variables): NodeJS.ProcessEnv {
  const { MEMORY_PRESSURE_WATCH: _watch, MEMORY_PRESSURE_WRITE: _write, ...others } = process.env;
  return { ...others, ...variables };
}

/** Starts a program, which runs until the test ends it. */
export function start(variables: Variables, source: string): Service {
  const child = spawn(process.execPath, commandOf(`${source}; stay();`), {
    cwd: root,
    env: environment(variables),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Service(child as never, false, 100_000);
}

/** Runs a program that ends by itself, and returns what it has said. */
export function run(variables: Variables, source: string): Line[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, commandOf(source), {
    cwd: root,
    env: environment(variables),
    encoding: 'utf8',
    timeout: 100_000,
  });
  if (status !== 0 || stderr !== '') throw new Error(`Ended with ${status}: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** The outcome of one call of onMemoryPressure() in a process that does nothing else. */
export function attempt(variables: Variables, options = ''): Line | undefined {
  return run(variables, `say(attempt(tell${options && `, ${options}`}))`)[0];
}
