// Finds the command and runs it. Exit codes: 0 done, 1 it failed, or found something wrong, 2 wrong input.
import { readFileSync } from 'node:fs';
import { nearestName } from '../base/options.ts';
import { escapeUnprintable } from '../base/printable.ts';
import { excerpt } from '../base/validate.ts';
import { activate } from './activate.ts';
import { readArguments } from './arguments.ts';
import { type Command, Failure, UsageError } from './command.ts';
import { doctor } from './doctor.ts';
import { printHelp, printOverview } from './help.ts';
import { inspect } from './inspect.ts';
import { Output } from './output.ts';
import { units } from './units.ts';

const WRONG_INPUT = 2;

/** In the order of --help. */
const COMMANDS: readonly Command[] = [activate, inspect, doctor, units];

/** The version in package.json, which is one folder above dist/cli.js. */
function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

function unknownCommand(name: string): UsageError {
  const names = COMMANDS.map((command) => command.name);
  const nearest = nearestName(name, names);
  const advice = nearest === undefined ? names.join(', ') : `${nearest}, perhaps`;
  return new UsageError(`there is no command ${excerpt(name)}: ${advice}`);
}

async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  const given = readArguments(command, args);
  const output = new Output(process.stdout, given.values.json === true);
  if (given.values.help === true) {
    printHelp(command, output);
    return 0;
  }
  return await command.run(given, output);
}

/** An error of a known kind has all that a user needs in its message. For any other one the stack is printed. */
function report(error: unknown, command: string | undefined): number {
  const name = command === undefined ? 'libsystemd' : `libsystemd ${command}`;
  const { message, code, stack } = error as NodeJS.ErrnoException;
  const isKnown = error instanceof Failure || typeof code === 'string';
  const lines =
    isKnown || error instanceof UsageError ? [message] : String(stack ?? error).split('\n');
  for (const line of lines) process.stderr.write(`${name}: ${escapeUnprintable(line)}\n`);
  return error instanceof UsageError ? WRONG_INPUT : 1;
}

/**
 * A reader that has seen enough, such as head(1), is no failure.
 *
 * @param isInOrder - true: the command listens too, and stops in order
 */
function endQuietlyWithoutReader(isInOrder: boolean): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isInOrder) return;
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  process.stderr.on('error', () => {}); // nobody reads what is wrong
}

/** `help` and `help units` as `--help` and `units --help`. */
function withoutHelp([first, ...rest]: readonly string[]): readonly string[] {
  if (first === 'help') return [...rest, '--help'];
  return first === undefined ? [] : [first, ...rest];
}

/** Runs the command line. Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [first = '--help', ...rest] = withoutHelp(args);
  const command = COMMANDS.find(({ name }) => name === first);
  endQuietlyWithoutReader(command?.outlivesReader === true);
  try {
    if (command !== undefined) return await runCommand(command, rest);
    if (first === '--version' || first === '-V') new Output(process.stdout).print(version());
    else if (first === '--help' || first === '-h')
      printOverview(COMMANDS, new Output(process.stdout));
    else if (first.startsWith('-')) throw new UsageError('the command comes first: see --help');
    else throw unknownCommand(first);
    return 0;
  } catch (error) {
    return report(error, command?.name);
  }
}
