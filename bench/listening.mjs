// The part listening: the time from the start of a process until its server listens on the passed socket.
import { compare, medians, otherSides } from './comparison.mjs';
import { inInstallation } from './installation.mjs';
import { listenPidNotes } from './listen-pid.mjs';
import { otherPackages } from './packages.mjs';
import { buildCSide, runForJson } from './programs.mjs';

const ROUNDS = 30;

/** For each package, code that makes `server` listen. The fd name is `tcp-0`. */
const listenCode = {
  plain: 'server.listen({ fd: 3 });',
  libsystemd: "import { listen } from 'libsystemd'; listen(server);",
  'sd-daemon': "import { listeners } from 'sd-daemon'; server.listen(listeners()[0]);",
  'socket-activation':
    "import activation from 'socket-activation'; const [fd] = activation.collect('tcp-0'); server.listen({ fd });",
  systemd: "import 'systemd'; server.listen('systemd');",
  'systemd-daemon': "import daemon from 'systemd-daemon'; server.listen(daemon.socket());",
  'systemd-socket': "import socket from 'systemd-socket'; server.listen(socket());",
};

function sourceOf(name) {
  return `
import { createServer } from 'node:http';
const server = createServer();
server.once('listening', () => {
  console.log(performance.now()); // since the process was started
  server.close();
});
${listenCode[name]}
`;
}

export async function startToListening(most) {
  const { folder, packages } = await otherPackages();
  const notes = await listenPidNotes();
  const sideOf = (program) => async () =>
    await runForJson(await buildCSide(), ['pass', 1, process.execPath, program]);
  const results = await inInstallation(folder, async (programOf) => {
    const programs = {};
    for (const name of Object.keys(listenCode)) programs[name] = await programOf(sourceOf(name));
    const sides = { node: sideOf(programs.libsystemd), plain: sideOf(programs.plain) };
    const others = otherSides(packages, programs, sideOf, notes);
    return await compare(sides, others, Math.min(ROUNDS, most));
  });
  const what = 'start of a process until it listens, 1 socket';
  return [{ what, unit: 'ms', ...medians(results) }];
}
