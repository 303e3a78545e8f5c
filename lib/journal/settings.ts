// What all entries of a journal have, and how many may wait.
import type { OptionNames } from '../base/options.ts';
import {
  invalidValue,
  outOfRange,
  validateInteger,
  validateOptionalString,
} from '../base/validate.ts';
import { Account } from './account.ts';
import { Entry } from './entry-bytes.ts';
import { addFields, type Fields } from './field-values.ts';

/** The options of a journal, of pino's destination and of winston's transport. */
export interface EntryOptions {
  /** Who says it (SYSLOG_IDENTIFIER=). Default: the name of the program that runs, as in C: `'node'`. */
  readonly identifier?: string | undefined;
  /** Fields of all entries, at most 1,000. Default: none. */
  readonly fields?: Fields | undefined;
  /** What happens to an entry while journald does not read: it waits, or is dropped. Default `'wait'`. */
  readonly full?: 'wait' | 'drop' | undefined;
  /** How many entries may wait. Those that come then are dropped. Default 16384. */
  readonly maxWaiting?: number | undefined;
}

export const ENTRY_OPTIONS: OptionNames<EntryOptions> = {
  identifier: true,
  fields: true,
  full: true,
  maxWaiting: true,
};

const MOST_WAITING = 16_384;

/** So many fields all entries may have in common. journald takes 1,024, and each entry has some of its own. */
export const MOST_COMMON_FIELDS = 1_000;

function addCommon(common: Entry, fields: Fields): void {
  addFields(common, fields);
  if (common.count <= MOST_COMMON_FIELDS) return;
  const rule = `at most ${MOST_COMMON_FIELDS} fields, because journald drops an entry that has more than 1024 with its own`;
  throw outOfRange('options.fields', rule, common.count);
}

export interface Settings {
  /** The fields of all entries, but the identifier, which an entry may have instead. */
  readonly common: Entry;
  readonly identifier: string | undefined;
  readonly account: Account;
}

/** @throws TypeError, RangeError for wrong options */
export function settingsOf(options: EntryOptions): Settings {
  const { identifier, fields, full = 'wait', maxWaiting = MOST_WAITING } = options;
  validateOptionalString('options.identifier', identifier);
  if (full !== 'wait' && full !== 'drop') {
    throw invalidValue('options.full', "'wait' or 'drop'", full);
  }
  validateInteger('options.maxWaiting', maxWaiting, 0, Number.MAX_SAFE_INTEGER);
  const common = new Entry();
  if (fields !== undefined) addCommon(common, fields);
  return { common, identifier, account: new Account(full === 'wait' ? maxWaiting : 0) };
}
