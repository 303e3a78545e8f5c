// Builds the add-on with node-gyp. What is missing is said in one line, before node-gyp says it in
// sixty.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { nodedir } from './node-headers.mjs';

const require = createRequire(import.meta.url);

const needed = [
  { command: process.env.CXX ?? 'c++', what: 'a C++ compiler', install: 'apt-get install g++' },
  { command: process.env.MAKE ?? 'make', what: 'make', install: 'apt-get install make' },
  { command: process.env.PYTHON ?? 'python3', what: 'Python', install: 'apt-get install python3' },
];

function isThere(command) {
  // CXX may hold arguments too: "ccache g++".
  const [program] = command.trim().split(/\s+/);
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

const missing = needed.filter(({ command }) => !isThere(command));
if (process.platform !== 'linux') {
  console.log(
    `libsystemd: nothing to build on ${process.platform}: the package does nothing there`,
  );
} else if (missing.length > 0) {
  const list = missing.map(({ what, command, install }) => `${what} (${command}; ${install})`);
  console.error(`libsystemd: building the add-on needs ${list.join(' and ')}`);
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
