// Programs as they are deployed, in a folder of their own, and started under systemd-socket-activate.
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpGet } from '../activation/clients.ts';
import { activate } from '../support/activate.ts';

/** What a program does: uses the first add-on by both entry points, in a way that every bundler can take. */
export const PROGRAM = {
  esm: `
    import { createServer } from 'node:http';
    import { serve } from 'libsystemd';
    import { SD_LISTEN_FDS_START, sd_is_socket } from 'libsystemd/sd';
    serve(createServer((_, response) => response.end('served ' + sd_is_socket(SD_LISTEN_FDS_START))));
  `,
  cjs: `
    const { createServer } = require('node:http');
    const { serve } = require('libsystemd');
    const { SD_LISTEN_FDS_START, sd_is_socket } = require('libsystemd/sd');
    serve(createServer((_, response) => response.end('served ' + sd_is_socket(SD_LISTEN_FDS_START))));
  `,
};

/** What {@link PROGRAM} answers, started with a socket. */
export const SERVED = 'served true';

/** A new folder, far from every node_modules. */
export function newFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'deployed-')));
}

/** What the program answers to the client that starts it, or what it wrote to stderr when it ends instead. */
export async function start(command: readonly string[], cwd: string): Promise<string> {
  await using service = await activate(command, { on: ['tcp'], cwd });
  const answer = httpGet(service.addresses[0]!, '/');
  const failure = answer.catch(async () => {
    await service.ended();
    return service.stderr;
  });
  return await failure;
}
