// Programs that execute or start other programs: shells, package managers, interpreters.

/** The last part of a path. */
export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Programs that become a daemon by the script that they execute. */
const RUNTIMES = /^(node|nodejs|bun|deno|python[\d.]*|ruby|php|perl|java)$/;

const SHELLS = /^(sh|dash|bash|ash|zsh|ksh|fish|busybox)$/;

/** Programs that start another one, and wait for it. A program such as env(1) becomes the other one. */
const STARTERS = new Set([
  ...['npm', 'npx', 'pnpm', 'pnpx', 'yarn', 'yarnpkg', 'bunx', 'corepack'],
  ...['nodemon', 'pm2', 'forever', 'tsx', 'sudo', 'su', 'time', 'strace'],
]);

/**
 * True for a program, by its path, that a loader such as tsx starts before the first line of the daemon. It knows
 * nothing of a service manager, and the daemon can't keep the manager's variables from it.
 */
export const isOfLoader = (program: string): boolean => baseName(program) === 'esbuild';

/** Options of interpreters whose value is the next word. */
const WITH_VALUE = new Set([
  ...['--import', '-r', '--require', '--loader', '--experimental-loader', '-C', '--conditions'],
  ...['--env-file', '--env-file-if-exists', '--title', '--disable-warning', '--inspect-port'],
]);

/** True for a word after an interpreter that is neither an option nor the value of one: the first one is the script. */
export function isOperand(words: readonly string[], at: number): boolean {
  return words[at]?.startsWith('-') === false && !WITH_VALUE.has(words[at - 1] ?? '');
}

/** `npm` for npm-cli.js, which is the script behind npm. */
const scriptName = (path: string): string => baseName(path).replace(/(-cli)?\.[cm]?js$/, '');

/** True for a program, by its path, that executes daemons which are scripts. A shell does not count. */
export const isRuntime = (program: string): boolean => RUNTIMES.test(baseName(program));

/** True for a program, by its path, whose script says more than its own name: runtimes and shells. */
export function isInterpreter(program: string): boolean {
  return isRuntime(program) || SHELLS.test(baseName(program));
}

/**
 * True for a program, by the path of it or of its script, that starts another one and waits for it. The manager's
 * variables name the pid of the first one.
 */
export function isStarter(program: string): boolean {
  const name = scriptName(program);
  return STARTERS.has(name) || SHELLS.test(name);
}

/**
 * The program that stands between the manager and the daemon in a command line; undefined when there is none. A shell
 * that has an `exec` in its command becomes the program that it starts.
 */
export function programBetween(argv: readonly string[]): string | undefined {
  const [first = '', ...rest] = argv;
  const name = baseName(first);
  if (name === 'env') {
    const at = rest.findIndex((word) => !/^-|=/.test(word));
    return at < 0 ? undefined : programBetween(rest.slice(at));
  }
  if (isRuntime(name)) {
    // `node /usr/bin/npm start`, as npm's own `#!` line makes it
    const script = rest.find((_, at) => isOperand(rest, at)) ?? '';
    return STARTERS.has(scriptName(script)) ? scriptName(script) : undefined;
  }
  // A shell without arguments, as debug-shell.service has it, is the daemon itself.
  if (SHELLS.test(name) && rest.length === 0) return undefined;
  const becomesAnother = SHELLS.test(name) && rest.some((word) => /(?:^|[\s;&])exec\s/.test(word));
  return isStarter(name) && !becomesAnother ? name : undefined;
}
