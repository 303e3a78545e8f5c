// A command of the command line, and what its errors look like.
import type { Output } from './output.ts';

/** One option, as node:util's parseArgs() takes it, with what --help says. */
export interface Option {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly short?: string;
  /** What --help calls the value, such as `ADDRESS`. */
  readonly value?: string;
  /** A sentence without a full stop. */
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** The values of a command's options. */
export type Values<Of extends Options> = {
  readonly [Name in keyof Of]?: Of[Name] extends { readonly type: 'boolean' }
    ? boolean
    : Of[Name] extends { readonly multiple: true }
      ? readonly string[]
      : string;
};

/** What was on the command line after the command's name. */
export interface Arguments<Of extends Options = Options> {
  readonly values: Values<Of>;
  /** The words that are no options, such as a unit file; those after `--` are in `rest`. */
  readonly words: readonly string[];
  /** The command line after `--`; undefined without `--`. */
  readonly rest: readonly string[] | undefined;
}

export interface Command<Of extends Options = Options> {
  readonly name: string;
  /** What it does, for the list of all commands: a sentence without a full stop. */
  readonly summary: string;
  /** After the name: `--name NAME [--listen ADDRESS]`. */
  readonly synopsis: string;
  /** Each a command line, and what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  readonly options: Of;
  /** What is allowed beside options: words, or a command line after `--`. Default: neither. */
  readonly takes?: 'words' | 'command';
  /** True: when nobody reads its output any more, the command itself ends in order. Default: it ends at once. */
  readonly outlivesReader?: boolean;
  /** Runs the command. Returns the exit code. `output` is standard output. */
  run(given: Arguments<Of>, output: Output): number | Promise<number>;
}

/** Defines a command. The types of its values are those of its options. */
export const defineCommand = <const Of extends Options>(command: Command<Of>): Command<Of> =>
  command;

/** Wrong input: the message is printed as one line, and the exit code is 2. */
export class UsageError extends Error {}

/** A failure that needs no stack: the message is printed as one line, and the exit code is 1. */
export class Failure extends Error {}
