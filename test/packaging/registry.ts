// A registry of npm packages on this machine: verdaccio, which knows what is published to it and
// asks no other registry.
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

/** Ends verdaccio with the process that started it, should that end without stopping it. */
const ENDS_WITH_PARENT = 'data:text/javascript,process.once("disconnect",()=>process.exit())';

/** Starts one, which keeps all it has in the folder. */
export async function startRegistry(folder: string): Promise<Registry> {
  const url = `http://127.0.0.1:${await freePort()}/`;
  const verdaccio = await fetchLocked(join(import.meta.dirname, 'registry'));
  const program = join(verdaccio, 'node_modules/verdaccio/bin/verdaccio');
  const config = configure(folder);
  const child = spawn(
    await fetchNode('24'),
    ['--import', ENDS_WITH_PARENT, program, '--config', config, '--listen', url.slice(0, -1)],
    {
      cwd: folder,
      // It warns of being root, which a CI is.
      env: { HOME: folder, NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  await started(child);
  return {
    url,
    publish: async (packageFolder) => {
      // npm wants a token, and verdaccio none.
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

function configure(folder: string): string {
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

/** Resolves when it listens, which verdaccio tells its parent. */
async function started(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`verdaccio ended with ${code} before it listened`);
  });
  await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => undefined); // it ends when it is stopped
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
