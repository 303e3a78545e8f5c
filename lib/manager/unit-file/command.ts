// Command lines: ExecStart= and its like, and the variables in them, see systemd.service(5), "Command lines".
import type { Exec } from '../description.ts';
import { InvalidValue } from './values.ts';
import { splitVariable, takeWord } from './words.ts';

/** How often each character may be before the path, see the table in systemd.service(5). `|` came with systemd 258. */
const PREFIXES: Readonly<Record<string, number>> = {
  '-': 1,
  '@': 1,
  ':': 1,
  '|': 1,
  '+': 1,
  '!': 2,
};

/** The characters before the path. `+` and `!` exclude each other. Any further character belongs to the path. */
function prefixesOf(word: string): string {
  let prefixes = '';
  for (const character of word) {
    const count = prefixes.split(character).length - 1;
    const excluded = character === '+' ? '!' : '+';
    const isExcluded = '+!'.includes(character) && prefixes.includes(excluded);
    if (isExcluded || count >= (PREFIXES[character] ?? 0)) break;
    prefixes += character;
  }
  return prefixes;
}

/** Adds what the prefixes mean. With `@`, the second word is argv[0], which is left out, because Node can't tell it. */
function toCommand(words: readonly string[], expand: (text: string) => string): Exec {
  const [first = '', ...rest] = words;
  const prefixes = prefixesOf(first);
  const path = expand(first.slice(prefixes.length));
  if (path === '') throw new InvalidValue('the path of a program is expected');
  if (path.includes('/') && !path.startsWith('/'))
    throw new InvalidValue(
      `a name or an absolute path of a program is expected, and '${path}' is none`,
    );
  if (path.endsWith('/')) throw new InvalidValue('the path of a program does not end with /');
  const hasName = prefixes.includes('@');
  if (hasName && rest.length === 0)
    throw new InvalidValue('after @ a name for the process is missing');
  return {
    argv: [path, ...(hasName ? rest.slice(1) : rest).map(expand)],
    ...(prefixes.includes('-') && { ignoreFailure: true }),
    ...(!prefixes.includes(':') && { expandVariables: true }),
  };
}

/** True for a value with the prefix `-`: a failure of the command counts as success. */
export const mayFail = (value: string): boolean => prefixesOf(value).includes('-');

/** The prefixes of a value that have no effect here: privileges (`+`, `!`), the user's shell (`|`), argv[0] (`@`). */
export function ignoredPrefixes(value: string): string {
  return prefixesOf(value).replace(/[-:]/g, '');
}

/**
 * Reads the value of ExecStart= and its like: commands, separated by a `;` that is a word.
 *
 * @throws InvalidValue, BrokenQuoting
 */
export function parseCommands(value: string, expand: (text: string) => string): Exec[] {
  const commands: Exec[] = [];
  let words: string[] = [];
  for (let at = 0; ; ) {
    const [separator] = /^;(?:[ \t\n\r]+|$)/.exec(value.slice(at)) ?? [];
    const [literal] = /^\\;(?:[ \t\n\r]+|$)/.exec(value.slice(at)) ?? [];
    const taken =
      separator === undefined && literal === undefined ? takeWord(value, at) : undefined;
    if (separator !== undefined || (literal === undefined && taken === undefined)) {
      if (words.length > 0) commands.push(toCommand(words, expand));
      if (separator === undefined) return commands;
      words = [];
      at += separator.length;
    } else {
      words.push(taken?.word ?? ';');
      at = taken?.next ?? at + (literal as string).length;
    }
  }
}

/** `$NAME` as a whole word, where any other text after the `$` is a name that no variable has. */
const WHOLE_WORD = /^\$(?![{$])([\s\S]*)$/;
/** `${NAME}` anywhere, and `$$`. With a colon in it the manager takes it for text. */
const VARIABLE = /\$\$|\$\{([^:}]*)\}/g;

/**
 * Replaces the variables in the arguments, as the manager does when it starts a process. `$NAME` as a word of its own
 * becomes as many words as the value has, or none. `${NAME}` becomes the value as it is, or nothing. `$$` is a `$`.
 */
export function expandVariables(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const lookUp = (name: string): string =>
    (Object.hasOwn(environment, name) ? environment[name] : undefined) ?? '';
  return argv.flatMap((word) => {
    const [, name] = WHOLE_WORD.exec(word) ?? [];
    if (name !== undefined) return splitVariable(lookUp(name));
    return word.replace(VARIABLE, (_all, inner?: string) =>
      inner === undefined ? '$' : lookUp(inner),
    );
  });
}
