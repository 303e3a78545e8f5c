// What --help prints.
import { COMMON_OPTIONS } from './arguments.ts';
import type { Command, Options } from './command.ts';
import { type Output, styled, wrap } from './output.ts';

/** The blanks before each line of a list. */
const INDENT = '  ';

/** Prints a list of terms, each with a text beside it that is wrapped at the terminal's width. */
function printList(
  output: Output,
  entries: readonly (readonly [term: string, text: string])[],
): void {
  const column = Math.max(...entries.map(([term]) => term.length)) + 2;
  const room = Math.max(output.width - INDENT.length - column - 1, 30);
  for (const [term, text] of entries) {
    const [first = '', ...more] = wrap(text, room);
    output.print(INDENT, styled('strong', term.padEnd(column)), first);
    for (const line of more) output.print(INDENT, ' '.repeat(column), line);
  }
}

function optionTerm(name: string, { short, value, multiple }: Options[string]): string {
  const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
  const taking = value === undefined ? names : `${names} ${value}`;
  return multiple === true ? `${taking} …` : taking;
}

/** Prints a command line, which a shell takes as one line where it has to be wrapped. */
function printCommand(line: string, output: Output): void {
  const wrapped = wrap(line, output.width - 2 * INDENT.length - 2);
  for (const [at, part] of wrapped.entries()) {
    output.print(INDENT, at > 0 ? INDENT : '', part, at < wrapped.length - 1 ? ' \\' : '');
  }
}

/** Prints what a command does, its options and examples. */
export function printHelp(command: Command, output: Output): void {
  const { name, summary, synopsis, options, examples } = command;
  const start = `npx libsystemd ${name} `;
  const [first = '', ...more] = wrap(synopsis, Math.max(output.width - start.length - 1, 30));
  output.print(styled('strong', start), first);
  for (const line of more) output.print(' '.repeat(start.length), line);
  output.print('');
  for (const line of wrap(`${summary}.`, output.width - 1)) output.print(line);
  output.print('');
  const all = Object.entries({ ...options, ...COMMON_OPTIONS } as Options);
  printList(
    output,
    all.map(([option, given]) => [optionTerm(option, given), given.help] as const),
  );
  output.print('');
  output.print('Examples:');
  for (const [line, what] of examples) {
    output.print(INDENT, styled('faint', `# ${what}`));
    printCommand(line, output);
  }
}

/** Prints the list of commands. */
export function printOverview(commands: readonly Command[], output: Output): void {
  output.print(styled('strong', 'npx libsystemd '), 'COMMAND [OPTION …]');
  output.print('');
  printList(
    output,
    commands.map(({ name, summary }) => [name, summary] as const),
  );
  output.print('');
  output.print(`npx libsystemd COMMAND --help has the options of each, and examples.`);
}
