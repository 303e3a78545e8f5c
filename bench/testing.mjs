// The part testing: what libsystemd/testing adds to the start of a daemon, and what its import costs a test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { buildTool } from '../scripts/build-tools.mjs';
import { root } from '../scripts/processors.mjs';
import { compare, medians } from './comparison.mjs';
import { runForJson } from './programs.mjs';
import { median } from './rounds.mjs';

const ROUNDS = 30;
const REPORT = join(import.meta.dirname, 'import-report.cjs');

const distUrl = (file) => JSON.stringify(pathToFileURL(join(root, 'dist', file)).href);

/** A bare daemon: it says READY=1, and stays. */
const DAEMON = `
import { notify } from ${distUrl('index.js')};
setInterval(() => {}, 1e6);
notify.ready();
`;

/** Starts daemons by hand: a receiver in C waits for their datagrams. */
async function startByHand(folder, program) {
  const address = join(folder, 'notify');
  const receiver = spawn(await buildTool('test/tools/receiver.c'), [address], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  await lines.next(); // it is ready
  const env = { PATH: process.env.PATH, NOTIFY_SOCKET: address };
  const start = async () => {
    const begun = performance.now();
    const daemon = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    await lines.next();
    const ms = performance.now() - begun;
    daemon.kill();
    await once(daemon, 'exit');
    return ms;
  };
  const end = () => receiver.stdin.end();
  return { start, end };
}

async function startByKit(program) {
  const { start } = await import(JSON.parse(distUrl('testing.js')));
  return async () => {
    const begun = performance.now();
    const unit = await start([process.execPath, program], { startTimeout: 60_000 });
    const ms = performance.now() - begun;
    await unit.stop();
    return ms;
  };
}

async function measureStart(folder, most) {
  const program = join(folder, 'daemon.mjs');
  await writeFile(program, DAEMON);
  const byHand = await startByHand(folder, program);
  const kit = await startByKit(program);
  try {
    await kit(); // loads the add-on, and starts the guard of this process
    const results = await compare({ node: kit, plain: byHand.start }, [], Math.min(ROUNDS, most));
    return medians(results);
  } finally {
    byHand.end();
  }
}

async function measureImport(folder, most) {
  const sources = { node: `import ${distUrl('testing.js')};`, empty: '' };
  const sides = {};
  for (const [name, source] of Object.entries(sources)) {
    const program = join(folder, `${name}.mjs`);
    await writeFile(program, source);
    sides[name] = () => runForJson(process.execPath, ['--require', REPORT, program]);
  }
  const { ours } = await compare(sides, [], Math.min(ROUNDS, most));
  const [node, empty] = [ours.node, ours.empty].map((answers) =>
    median(answers.map(({ ms }) => ms)),
  );
  return node - empty;
}

export async function testing(most) {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  try {
    const { node, plain } = await measureStart(folder, most);
    return [
      {
        what: '`start()` of libsystemd/testing, until READY=1 of a bare daemon',
        inPlain: 'spawning it and waiting for its datagram',
        unit: 'ms',
        node,
        plain,
        others: [],
        target: { times: 1.1 },
      },
      {
        what: '`import` of libsystemd/testing, time over an empty program',
        unit: 'ms',
        node: await measureImport(folder, most),
        target: { most: 10 },
      },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}
