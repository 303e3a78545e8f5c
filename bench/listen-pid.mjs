// The packages that take sockets, and a trial of which of them look at LISTEN_PID: sd_listen_fds(3) demands that a
// process leaves sockets alone that were passed to another process.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inInstallation } from './installation.mjs';
import { otherPackages } from './packages.mjs';
import { buildCSide } from './programs.mjs';

/** For each package that returns sockets, an expression that gets the sockets and counts them. */
export const countExpressions = {
  libsystemd: 'it.listenFds().length',
  'sd-daemon': 'it.listeners().length',
  'socket-activation':
    "process.env.LISTEN_FDNAMES.split(':').flatMap((name) => it.default.collect(name)).length",
  'systemd-daemon':
    'Array.from({ length: it.default.listen_fds() }, (_, i) => it.default.socket(i)).length',
  'systemd-socket':
    'Array.from({ length: Number(process.env.LISTEN_FDS) }, () => it.default()).filter(Boolean).length',
};

/** The same for a package that changes net.Server instead. */
const countByListening = {
  systemd: "(await import('node:net')).createServer().listen('systemd').close() && 1",
};

const NOTE = 'ignores LISTEN_PID';

/** A process that never is the program. */
const ANOTHER_PID = 1;

/** Counts the sockets that a program takes when one is passed to this process, or to another. A failure takes none. */
async function countTaken(program, ...wrapper) {
  const command = [...wrapper, process.execPath, program];
  try {
    const { stdout } = await promisify(execFile)(await buildCSide(), ['pass', '1', ...command]);
    return Number(stdout);
  } catch {
    return 0;
  }
}

async function tryPackages() {
  const { folder, packages } = await otherPackages();
  const able = packages.filter(({ reason }) => reason === undefined).map(({ name }) => name);
  const expressions = Object.entries({ ...countExpressions, ...countByListening });
  const tried = expressions.filter(([name]) => able.includes(name));
  return await inInstallation(folder, async (programOf) => {
    const notes = {};
    for (const [name, expression] of tried) {
      const program = await programOf(
        `const it = await import('${name}');\nconsole.log(${expression});\n`,
      );
      const misled = await countTaken(program, '/usr/bin/env', `LISTEN_PID=${ANOTHER_PID}`);
      if (misled > 0) notes[name] = NOTE;
      else if ((await countTaken(program)) === 0)
        throw new Error(`${name} takes no sockets at all`);
    }
    return notes;
  });
}

let notes;

/**
 * Tries the packages at the first call. Returns a note by name for each package that takes sockets of another process.
 */
export async function listenPidNotes() {
  notes ??= tryPackages();
  return await notes;
}
