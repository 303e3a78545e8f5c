// A registry of npm packages on this machine: verdaccio, which has only the packages that are published to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fetchLocked } from '../support/npm-program.ts';
import { npm } from './machine.ts';
import { fetchNode } from './managers.ts';

export interface Registry {
  readonly url: string;
  /** Publishes the package of a folder. */
  publish(packageFolder: string): Promise<void>;
  stop(): Promise<void>;
}

/** A module that ends verdaccio when its parent ends without stopping it. */
const ENDS_WITH_PARENT = 'data:text/javascript,process.once("disconnect",()=>process.exit())';

/** Starts a registry that keeps its data in the folder. */
export async function startRegistry(folder: string): Promise<Registry> {
  const url = `http://127.0.0.1:${await findFreePort()}/`;
  const verdaccio = await fetchLocked(join(import.meta.dirname, 'registry'));
  const program = join(verdaccio, 'node_modules/verdaccio/bin/verdaccio');
  const config = writeConfiguration(folder);
  const child = spawn(
    await fetchNode('24'),
    ['--import', ENDS_WITH_PARENT, program, '--config', config, '--listen', url.slice(0, -1)],
    {
      cwd: folder,
      // verdaccio warns when it runs as root, as in CI.
      env: { HOME: folder, NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  await waitUntilListening(child);
  return {
    url,
    publish: async (packageFolder) => {
      // npm needs some token; verdaccio accepts any.
      const to = [`--registry=${url}`, `--${url.slice('http:'.length)}:_authToken=none`];
      await npm(['publish', packageFolder, '--ignore-scripts', ...to], { cwd: folder });
    },
    stop: async () => {
      const exit = once(child, 'exit');
      child.kill();
      await exit;
    },
  };
}

function writeConfiguration(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'verdaccio.yaml');
  writeFileSync(
    file,
    `storage: ${join(folder, 'storage')}
auth: { htpasswd: { file: ${join(folder, 'htpasswd')} } }
packages: { '**': { access: $all, publish: $all } }
web: { enable: false }
log: { type: stdout, format: pretty, level: fatal }
`,
  );
  return file;
}

/** Waits for the message by which verdaccio tells its parent that it listens. */
async function waitUntilListening(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`verdaccio has ended with ${code}, and should listen`);
  });
  await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => undefined); // `ended` also rejects when verdaccio is stopped
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
