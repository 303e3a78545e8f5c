// The options of readJournal(), and their checks.
import { type OptionNames, takeOptions } from '../../base/options.ts';
import {
  excerpt,
  invalidType,
  invalidValue,
  validateBoolean,
  validateInteger,
  validateOptions,
} from '../../base/validate.ts';
import { type Priority, priorityNumber } from '../priority.ts';

/** Options of {@link readJournal}. */
export interface ReadJournalOptions {
  /**
   * Reads the entries of this unit, and the manager's entries about it; for a list, those of each unit in it. A name without a
   * type, such as `nginx`, is that of a service. Default: the entries of all units.
   */
  readonly unit?: string | readonly string[] | undefined;
  /**
   * Reads the entries whose fields have these values, such as `{ SYSLOG_IDENTIFIER: 'shop', PRIORITY: ['3', '4'] }`. A field
   * with a list must have one of its values. Default: all entries.
   */
  readonly match?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Reads the entries of this priority, and the more important ones. Default: all, also those without a priority. */
  readonly priority?: Priority | undefined;
  /** Reads the entries from this time on. Default: from the oldest one on. */
  readonly since?: Date | undefined;
  /**
   * Reads the entries after the one with this {@link JournalRecord.cursor}, which need not exist any more. Default: from the
   * oldest one on.
   */
  readonly after?: string | undefined;
  /** How many of the newest entries to begin with; not together with `since` or `after`. Default: all. */
  readonly last?: number | undefined;
  /**
   * True goes on with new entries, without an end. They come up to 0.3 seconds late, because journald tells of them late.
   * Default false.
   */
  readonly follow?: boolean | undefined;
  /**
   * Reads only these fields, and `_BOOT_ID`, which is two to three times as fast. Default: all.
   */
  readonly fields?: readonly string[] | undefined;
  /** Ends the reading when aborted: the iteration rejects with its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS: OptionNames<ReadJournalOptions> = {
  unit: true,
  match: true,
  priority: true,
  since: true,
  after: true,
  last: true,
  follow: true,
  fields: true,
  signal: true,
};

/** The characters of the names of units. Those of glob(7) are not among them: journalctl would take such a name for a pattern. */
const UNIT = /^[A-Za-z\d:_.\\@-]{1,255}$/;

/** A field of an entry, or one of journald's own, which begins with `_`. */
const FIELD = /^_{0,2}[A-Z\d][A-Z\d_]{0,63}$/;

/** What a cursor consists of. */
const CURSOR = /^[a-z\d=;]{1,1000}$/;

const LARGEST_INT = 0x7fff_ffff;

/** A value, or a list of one or more, as a list. */
function listOf(name: string, value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const one of list) {
    if (typeof one !== 'string') throw invalidType(name, 'a string, or a list of strings', one);
  }
  if (list.length === 0) throw invalidValue(name, 'a string, or a list of one or more', value);
  return list as readonly string[];
}

function unitsOf(value: unknown): readonly string[] {
  const units = listOf('options.unit', value);
  for (const unit of units) {
    if (!UNIT.test(unit)) throw invalidValue('options.unit', 'the name of a unit', unit);
  }
  return units;
}

function validateField(name: string, field: string): void {
  if (FIELD.test(field)) return;
  throw invalidValue(name, 'the name of a field: A-Z, 0-9 and _', field);
}

function fieldsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw invalidType('options.fields', 'a list of strings', value);
  if (value.length === 0) throw invalidValue('options.fields', 'a list of one or more', value);
  const fields = listOf('options.fields', value);
  for (const field of fields) validateField('options.fields', field);
  return fields;
}

/** The matches as `FIELD=value`. */
function matchesOf(match: unknown): readonly string[] {
  validateOptions(match, 'options.match');
  return Object.entries(match).flatMap(([field, values]) => {
    const name = `options.match.${excerpt(field)}`;
    validateField(name, field);
    return listOf(name, values).map((value) => {
      if (value.includes('\0')) throw invalidValue(name, 'without a null byte', value);
      return `${field}=${value}`;
    });
  });
}

function validateSince(since: unknown): asserts since is Date {
  if (!(since instanceof Date)) throw invalidType('options.since', 'an instance of Date', since);
  if (!(since.getTime() >= 0)) throw invalidValue('options.since', 'a date from 1970 on', since);
}

function validateStart({ since, after, last }: ReadJournalOptions): void {
  if (since !== undefined) validateSince(since);
  if (last !== undefined) validateInteger('options.last', last, 0, LARGEST_INT);
  if (after !== undefined) {
    if (typeof after !== 'string') throw invalidType('options.after', 'of type string', after);
    if (!CURSOR.test(after)) throw invalidValue('options.after', 'a cursor of an entry', after);
  }
  // journalctl refuses the first pair. What it makes of the others depends on its version.
  const given = Object.entries({ since, after, last }).filter(([, value]) => value !== undefined);
  const [, second] = given;
  if (second === undefined) return;
  throw invalidValue(`options.${second[0]}`, `left out where there is ${given[0]?.[0]}`, second[1]);
}

/** The command line of journalctl. Each value stands behind its `=`, so none is taken for an option. */
function argumentsFor(options: ReadJournalOptions): readonly string[] {
  const { unit, match, priority, since, after, last, follow, fields } = options;
  // Quiet: it says no more than what fails. All entries, because `--follow` would begin with the last ten.
  const args = ['--output=export', '--quiet', '--no-pager'];
  if (unit !== undefined) args.push(...unitsOf(unit).map((one) => `--unit=${one}`));
  if (priority !== undefined)
    args.push(`--priority=${priorityNumber(priority, 'options.priority')}`);
  if (since !== undefined) args.push(`--since=@${(since.getTime() / 1000).toFixed(3)}`);
  if (after !== undefined) args.push(`--after-cursor=${after}`);
  if (fields !== undefined) args.push(`--output-fields=${fieldsOf(fields).join(',')}`);
  if (follow === true) args.push('--follow');
  args.push(last === undefined ? '--no-tail' : `--lines=${last}`);
  if (match !== undefined) args.push('--', ...matchesOf(match));
  return args;
}

/** What readJournal() does. */
export interface Reading {
  readonly args: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** Throws when an option is unknown or wrong. */
export function readingOf(given: ReadJournalOptions): Reading {
  const options = takeOptions(given, OPTIONS, 'readJournal()');
  const { follow, signal } = options;
  if (follow !== undefined) validateBoolean('options.follow', follow);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an instance of AbortSignal', signal);
  }
  validateStart(options);
  return { args: argumentsFor(options), signal };
}
