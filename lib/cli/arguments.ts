// The arguments of a command, by node:util's parseArgs().
import { parseArgs } from 'node:util';
import { nearestName } from '../base/options.ts';
import { excerpt } from '../base/validate.ts';
import { type Arguments, type Command, type Options, UsageError } from './command.ts';

/** The options that every command has. */
export const COMMON_OPTIONS = {
  json: { type: 'boolean', help: 'print JSON, one object a line' },
  help: { type: 'boolean', short: 'h', help: 'print this help' },
} as const satisfies Options;

/** An unknown option, with the one that was perhaps meant. */
function unknownOption(option: string, options: Options): UsageError {
  const nearest = nearestName(option.replace(/^-+/, ''), Object.keys(options));
  const advice = nearest === undefined ? 'see --help' : `--${nearest}, perhaps`;
  return new UsageError(`there is no option ${excerpt(option)}: ${advice}`);
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

function checkOptions(tokens: readonly Token[], options: Options): void {
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) throw unknownOption(rawName, options);
    if (option.type === 'boolean' && value !== undefined) {
      throw new UsageError(`--${name} takes no value, and '${excerpt(value)}' was given`);
    }
    if (option.type === 'string' && (value === undefined || value === '')) {
      throw new UsageError(`--${name} needs a value: --${name} ${option.value ?? 'VALUE'}`);
    }
    // What looks like an option is rarely meant as a value, and `--name=-x` says that it is.
    if (option.type === 'string' && !token.inlineValue && value?.startsWith('-')) {
      throw new UsageError(`--${name} needs a value, and ${excerpt(value)} follows it`);
    }
    if (option.multiple !== true && seen.has(name)) {
      throw new UsageError(`--${name} is given twice`);
    }
    seen.add(name);
  }
}

/**
 * Reads the arguments of a command.
 *
 * @throws UsageError for an unknown option, a missing or needless value, a word that the command does not take
 */
export function readArguments<Of extends Options>(
  command: Command<Of>,
  args: readonly string[],
): Arguments<Of & typeof COMMON_OPTIONS> {
  const options = { ...command.options, ...COMMON_OPTIONS };
  const parsed = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  checkOptions(parsed.tokens, options);
  const terminator = parsed.tokens.find(({ kind }) => kind === 'option-terminator')?.index;
  const words = parsed.tokens.flatMap((token) =>
    token.kind === 'positional' && token.index < (terminator ?? Number.POSITIVE_INFINITY)
      ? [token.value]
      : [],
  );
  const rest = terminator === undefined ? undefined : args.slice(terminator + 1);
  if (command.takes !== 'command' && rest !== undefined)
    throw new UsageError('nothing goes after --');
  if (command.takes !== 'words' && words.length > 0) {
    const advice = command.takes === 'command' ? 'the program goes after --' : 'see --help';
    throw new UsageError(`'${excerpt(words[0] as string)}' is no option: ${advice}`);
  }
  return { values: parsed.values as Arguments<Of & typeof COMMON_OPTIONS>['values'], words, rest };
}
