// Builds the add-on with node-gyp (npm run build:native). A missing program is reported in one line, because node-gyp
// would report it in sixty.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { nodedir } from './node-headers.mjs';

const require = createRequire(import.meta.url);

const tools = [
  { command: process.env.CXX ?? 'c++', name: 'a C++ compiler', install: 'apt-get install g++' },
  { command: process.env.MAKE ?? 'make', name: 'make', install: 'apt-get install make' },
  { command: process.env.PYTHON ?? 'python3', name: 'Python', install: 'apt-get install python3' },
];

function isInstalled(command) {
  // CXX may also have arguments: "ccache g++".
  const [program] = command.trim().split(/\s+/);
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

const missing = tools.filter(({ command }) => !isInstalled(command));
if (process.platform !== 'linux') {
  console.log(
    `libsystemd: nothing to build on ${process.platform}, where the package does nothing`,
  );
} else if (missing.length > 0) {
  const list = missing.map(({ name, command, install }) => `${name} (${command}; ${install})`);
  console.error(`libsystemd: the build of the add-on needs ${list.join(' and ')}`);
  process.exitCode = 1;
} else {
  const headers = nodedir === undefined ? [] : [`--nodedir=${nodedir}`];
  const nodeGyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
  const { status } = spawnSync(
    process.execPath,
    [nodeGyp, 'rebuild', '--release', '--loglevel=warn', ...headers],
    { stdio: 'inherit', cwd: resolve(import.meta.dirname, '..') },
  );
  process.exitCode = status ?? 1;
}
