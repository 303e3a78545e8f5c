// An activated service loads before its first client no more modules of Node than server.listen({ fd }) does, and of this
// package only the files that its start needs.
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { launch, launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { root } from '../support/tools.ts';

interface Loaded {
  /** The public modules of Node. */
  readonly modules: readonly string[];
  /** The paths or URLs of the other scripts. */
  readonly scripts: readonly string[];
}

/** What is loaded once the statements in `start` have run. */
async function loadedBy(start: string, packages = `import 'libsystemd';`): Promise<Loaded> {
  await using receiver = await startReceiver();
  const source = `
    import { createServer } from 'node:http';
    ${packages}
    const server = createServer();
    ${start}
    const names = process.moduleLoadList.map((entry) => entry.replace('NativeModule ', ''));
    const { builtinModules } = await import('node:module');
    const { Session } = await import('node:inspector');
    const scripts = [];
    const session = new Session();
    session.connect();
    session.on('Debugger.scriptParsed', ({ params }) => scripts.push(params.url));
    session.post('Debugger.enable');
    const modules = names.filter((name) => builtinModules.includes(name));
    console.log(JSON.stringify({ modules, scripts }));
    process.exit();
  `;
  const env = { NOTIFY_SOCKET: receiver.address, WATCHDOG_USEC: '3000000' };
  const { result } = await launchNode(['tcp:127.0.0.1:0'], source, { env });
  return result as Loaded;
}

/** The files of dist/ among the scripts. */
const filesOfPackage = ({ scripts }: Pick<Loaded, 'scripts'>): string[] =>
  scripts
    .filter((script) => script.includes(join(root, 'dist')))
    .map((script) => relative(join(root, 'dist'), script.replace('file://', '')));

describe.each([
  {
    what: 'listen(), notify.ready() and watchdog.start()',
    start: 'await listen(server); notify.ready(); watchdog.start();',
    names: 'listen, notify, watchdog',
    parts: ['index', 'listen', 'inherited', 'notify'],
  },
  {
    what: 'serve()',
    start: 'await serve(server);',
    names: 'serve',
    parts: ['index', 'service', 'listen', 'inherited', 'notify'],
  },
])('an activated $what', ({ start, names, parts }) => {
  test('loads the modules of Node that server.listen({ fd }) loads, node:process and node:vm', async () => {
    const plain = await loadedBy(
      `await new Promise((done) => server.listen({ fd: 3 }, done));`,
      '',
    );
    expect(plain.modules).toContain('http');
    const { modules } = await loadedBy(start, `import { ${names} } from 'libsystemd';`);
    // The state of the process is on node:process, and node:vm compiles dist/parts/. Both take microseconds.
    expect(modules.filter((name) => !['process', 'vm'].includes(name))).toEqual(plain.modules);
  });

  test(`loads ${parts} of dist/parts/`, async () => {
    const loaded = await loadedBy(start, `import { ${names} } from 'libsystemd';`);
    expect(filesOfPackage(loaded)).toEqual([
      'index.js',
      ...parts.map((part) => `parts/${part}.js`),
    ]);
  });
});

test('the import alone loads one small file, and no module of Node', async () => {
  const without = await loadedBy('', '');
  const loaded = await loadedBy('');
  expect(filesOfPackage(loaded)).toEqual(['index.js']);
  expect(loaded.modules).toEqual(without.modules);
});

test('listenFds() alone loads index and inherited of dist/parts/', async () => {
  const loaded = await loadedBy('listenFds();', `import { listenFds } from 'libsystemd';`);
  expect(filesOfPackage(loaded)).toEqual(['index.js', 'parts/index.js', 'parts/inherited.js']);
});

describe('of a service with cluster workers', async () => {
  const program = join(root, 'test/activation/programs/loaded-files.mjs');
  const { stdout } = await launch(['tcp:127.0.0.1:0'], [process.execPath, program]);
  const scripts = JSON.parse(stdout) as Record<'primary' | 'worker' | 'later', string[]>;

  test.each([
    ['primary', 'has forked', ['index', 'service', 'listen', 'inherited', 'pool', 'workers']],
    ['worker', 'serves', ['index', 'service', 'listen', 'workers', 'cluster']],
  ] as const)('the %s that %s has loaded %j of dist/parts/', (process, _when, parts) => {
    const loaded = filesOfPackage({ scripts: scripts[process] });
    expect(loaded.sort()).toEqual(['index.js', ...parts.map((part) => `parts/${part}.js`)].sort());
  });

  test('the worker has loaded every file a second later', () => {
    const loaded = filesOfPackage({ scripts: scripts.later });
    const parts = readdirSync(join(root, 'dist/parts')).filter((file) => file.endsWith('.js'));
    expect(loaded.sort()).toEqual(['index.js', ...parts.map((part) => `parts/${part}`)].sort());
  });
});

test('a second after the start every file is loaded, so that the process needs no file any more', async () => {
  const start = `await serve(server); await new Promise((done) => setTimeout(done, 1_300));`;
  const loaded = await loadedBy(start, `import { serve } from 'libsystemd';`);
  expect(filesOfPackage(loaded).length).toBeGreaterThan(5);
});
