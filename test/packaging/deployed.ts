// A deployed program, started by systemd-socket-activate.
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpGet } from '../activation/clients.ts';
import { activate } from '../support/activate.ts';

/** A program that uses the add-on by two entries, and loads a third one, in a syntax that every bundler can read. */
export const PROGRAM = {
  esm: `
    import { createServer } from 'node:http';
    import { serve } from 'libsystemd';
    import { journal } from 'libsystemd/journal';
    import { SD_LISTEN_FDS_START, sd_is_socket } from 'libsystemd/sd';
    const isServed = () => journal.waiting === 0 && sd_is_socket(SD_LISTEN_FDS_START);
    serve(createServer((_, response) => response.end('served ' + isServed())));
  `,
  cjs: `
    const { createServer } = require('node:http');
    const { serve } = require('libsystemd');
    const { journal } = require('libsystemd/journal');
    const { SD_LISTEN_FDS_START, sd_is_socket } = require('libsystemd/sd');
    const isServed = () => journal.waiting === 0 && sd_is_socket(SD_LISTEN_FDS_START);
    serve(createServer((_, response) => response.end('served ' + isServed())));
  `,
};

/** The response of {@link PROGRAM} when it was started with a socket. */
export const SERVED = 'served true';

/** Makes a new folder with no node_modules above it. */
export function makeFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'deployed-')));
}

/** Starts a program by a request. Returns the response, or the text on stderr if the program ends instead. */
export async function start(command: readonly string[], cwd: string): Promise<string> {
  await using service = await activate(command, { on: ['tcp'], cwd });
  const response = httpGet(service.addresses[0]!, '/');
  return await response.catch(async () => {
    await service.ended();
    return service.stderr;
  });
}
