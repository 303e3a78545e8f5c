// `libsystemd activate`: starts a program with its sockets, as systemd would, for a developer.

import { type Activation, activationOf } from './activate/activation.ts';
import { ConnectionLauncher } from './activate/connection-launcher.ts';
import type { Tell } from './activate/events.ts';
import { Launcher } from './activate/launcher.ts';
import { type ActivateOptions, isWatching, readOptions } from './activate/options.ts';
import { exitCode } from './activate/outcome.ts';
import { eventLines } from './activate/text.ts';
import { type Watched, watchedPath, watchedProgram } from './activate/watched-files.ts';
import { defineCommand } from './command.ts';
import { Output } from './output.ts';

/**
 * A second signal within this time is the same Ctrl-C: the terminal sends it to npx and to this process, and npx sends
 * its own on. In milliseconds.
 */
const SAME_SIGNAL = 250;

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function watchedOf(options: ActivateOptions, activation: Activation): readonly Watched[] {
  if (!isWatching(options)) return [];
  const own = watchedProgram(activation.command, activation.directory);
  return [...(options.watch ? [own] : []), ...options.watchPaths.map(watchedPath)];
}

/** Stops the launcher at the first signal, and kills its program at the second. Returns what ends this. */
function obeySignals(launcher: Launcher | ConnectionLauncher): () => void {
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (first === undefined) launcher.stop(signal);
    else if (performance.now() - first > SAME_SIGNAL) launcher.kill();
    first ??= performance.now();
  };
  // Nobody reads any more, as behind `| head`, or the terminal is gone: what is written fails, with EPIPE or EIO, also
  // when no SIGHUP has come.
  const onLost = () => {
    if (first === undefined) onSignal('SIGHUP');
  };
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onLost);
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const stream of [process.stdout, process.stderr]) stream.off('error', onLost);
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  };
}

/**
 * Prints events: for people to standard error, because standard output is the program's; as JSON to standard output,
 * and then the program writes to standard error.
 */
function teller(output: Output): Tell {
  if (output.isJson) return (event) => output.json(event);
  const people = new Output(process.stderr);
  return (event) => {
    for (const line of eventLines(event)) people.print(...line);
  };
}

/** Runs the launcher until it has ended. Returns the exit code. */
async function launch(options: ActivateOptions, output: Output): Promise<number> {
  const activation = activationOf(options);
  const tell = teller(output);
  const { ignored, unknown } = activation;
  if (ignored.length > 0) tell({ event: 'ignored', settings: ignored });
  if (unknown.length > 0) tell({ event: 'unknown', settings: unknown });
  const launcher = new (activation.accept ? ConnectionLauncher : Launcher)({
    describe: activation.describe,
    watched: watchedOf(options, activation),
    once: options.once,
    output: [output.isJson ? 2 : 1, 2],
    tell,
  });
  const free = obeySignals(launcher);
  try {
    return exitCode(await launcher.run(), options.strict);
  } finally {
    free();
  }
}

export const activate = defineCommand({
  name: 'activate',
  summary:
    'Start a program with its sockets, as systemd would, and show what it tells the service manager',
  synopsis: '[--listen [NAME=]ADDRESS …] [--unit FILE] [--watch] [OPTION …] -- node server.js',
  takes: 'command',
  outlivesReader: true,
  examples: [
    ['npx libsystemd activate --listen http=8080 -- node server.js', 'http://127.0.0.1:8080'],
    [
      'npx libsystemd activate --listen http=8080 --listen admin=unix:/tmp/a.sock --watch -- node server.js',
      'Restarts it when a file changes; its sockets stay open',
    ],
    [
      'npx libsystemd activate --listen 8080 --lazy -- node server.js',
      'Starts it at the first connection',
    ],
    [
      'npx libsystemd activate --listen 7000 --accept --inetd -- cat',
      'Starts a program for each connection',
    ],
    ['npx libsystemd activate --unit app.service', 'What the unit files say, with app.socket'],
    [
      'npx libsystemd activate --once --strict --json -- node job.js | jq .',
      'In CI: fails when the program does something wrong',
    ],
  ],
  options: {
    listen: {
      type: 'string',
      multiple: true,
      value: '[NAME=]ADDRESS',
      help: 'a socket: a port (of 127.0.0.1), 127.0.0.1:80, [::1]:80, unix:/run/x, @x, udp://127.0.0.1:53, tcp (a free port) …',
    },
    unit: {
      type: 'string',
      value: 'FILE',
      help: 'a service file, with the socket files beside it; a --listen of the same name replaces an address',
    },
    type: {
      type: 'string',
      value: 'TYPE',
      help: 'notify (default), notify-reload, exec, simple, oneshot: when the start is complete',
    },
    lazy: { type: 'boolean', help: 'start the program at the first connection' },
    accept: {
      type: 'boolean',
      help: 'start a program for each connection, which it gets as its only descriptor (Accept=yes)',
    },
    inetd: {
      type: 'boolean',
      help: 'with --accept: the connection is standard input and output (StandardInput=socket)',
    },
    watch: {
      type: 'boolean',
      help: "restart when a source file of the program's package changes; connections wait meanwhile",
    },
    'watch-path': {
      type: 'string',
      multiple: true,
      value: 'PATH',
      help: 'restart when this file, or any file in this folder, changes',
    },
    watchdog: { type: 'string', value: 'TIME', help: 'WatchdogSec=, such as 5s' },
    'stop-timeout': {
      type: 'string',
      value: 'TIME',
      help: 'from SIGTERM to SIGKILL, 0 for ever; default 5s, or what the unit file says',
    },
    once: { type: 'boolean', help: 'end with the program, and with its exit code' },
    strict: { type: 'boolean', help: 'exit with 1 when the program has problems' },
  },
  run: ({ values, rest = [] }, output) => launch(readOptions(values, rest), output),
});
