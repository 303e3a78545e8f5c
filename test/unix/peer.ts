// Peers in Python, which share no code with the package, and sockets of the package that collect what comes.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { UnixMessage } from '../../lib/unix.ts';
import { root } from '../support/tools.ts';

const run = promisify(execFile);

/** Runs a program of Python to its end. Returns its output. */
export async function python(program: string, ...args: string[]): Promise<string> {
  const lines = program.split('\n').filter((line) => line.trim() !== '');
  const indent = /^ */.exec(lines[0] ?? '')?.[0].length ?? 0;
  const source = ['import os, socket, sys', ...lines.map((line) => line.slice(indent))].join('\n');
  const { stdout } = await run('python3', ['-c', source, ...args]);
  return stdout.trim();
}

/** Runs a program of JavaScript, with all of dist/unix.js in its scope, to its end. Returns its output. */
export async function node(program: string, ...args: string[]): Promise<string> {
  const source = `import * as unix from ${JSON.stringify(join(root, 'dist/unix.js'))};\nconst [, ...args] = process.argv;\n${program}`;
  const options = ['--input-type=module', '--eval', source, ...args];
  const { stdout } = await run(process.execPath, options);
  return stdout.trim();
}

/** Starts such a program. */
export function startNode(program: string, ...args: string[]) {
  const source = `import * as unix from ${JSON.stringify(join(root, 'dist/unix.js'))};\nconst [, ...args] = process.argv;\n${program}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return Object.assign(child, { ended: once(child, 'exit') });
}

/** Resolves once the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

interface Emitter {
  on(event: 'message', listener: (data: Buffer, message: UnixMessage) => void): unknown;
}

/** Collects the messages of a socket. */
export class Collected {
  readonly all: { readonly data: Buffer; readonly message: UnixMessage }[] = [];

  constructor(socket: Emitter) {
    socket.on('message', (data, message) => this.all.push({ data, message }));
  }

  get texts(): string[] {
    return this.all.map(({ data }) => String(data));
  }

  /** Resolves with the texts once there are so many. */
  async first(count: number): Promise<string[]> {
    await until(() => this.all.length >= count);
    return this.texts;
  }
}

/** What each descriptor of this process is. */
export function openFds(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the descriptor of the folder itself
    }
  });
}

/** The flags of an open file, as open(2) has them. */
export function flagsOf(fd: number): number {
  const [, flags = ''] =
    /^flags:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  return Number.parseInt(flags, 8);
}
