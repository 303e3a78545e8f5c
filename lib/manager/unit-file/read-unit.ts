// Reads the files of one unit, and sorts their lines by what became of them.
import { SystemdError } from '../../base/errors.ts';
import { escapeUnprintable } from '../../base/printable.ts';
import type { UnitTexts } from './files.ts';
import { whyUnknown } from './setting-names.ts';
import { expandSpecifiers } from './specifiers.ts';
import { type Assignment, parseUnitText, type Remark } from './syntax.ts';
import { FatalValue, InapplicableValue, InvalidValue } from './values.ts';
import { BrokenQuoting } from './words.ts';

/** What the files of a unit say, in their order, and which of it has no effect. */
export interface ReadUnit {
  readonly name: string;
  /** The paths of the files that were read, in the order in which they apply. */
  readonly files: readonly string[];
  readonly assignments: readonly Assignment[];
  /** Settings that systemd applies, and this package does not. */
  readonly ignored: readonly Remark[];
  /** Lines that systemd itself ignores, with a warning. */
  readonly unknown: readonly Remark[];
}

/** Settings without an effect on the service itself, or with an effect that is shown elsewhere. */
const QUIET = new Set([
  ...['Description', 'Documentation', 'SourcePath', 'DefaultDependencies', 'After', 'Before'],
  ...['Wants', 'WantedBy', 'RequiredBy', 'UpheldBy', 'Alias', 'Also', 'DefaultInstance'],
]);

/** A unit that systemd would not load, or that can't be run here: ERR_SYSTEMD_UNIT_FILE. */
export function refusal(path: string, why: string): SystemdError {
  return new SystemdError('ERR_SYSTEMD_UNIT_FILE', escapeUnprintable(`${path}: ${why}`), { path });
}

type Expand = (text: string) => string;

/** Applies an assignment. Returns why it, or a part of it, has no effect here; undefined when it has. */
type Apply = (assignment: Assignment, expand: Expand) => string | undefined;

/** Why an assignment has no effect: here (`ignored`), or for systemd itself (`unknown`). Undefined when it has one. */
type Fate = { readonly kind: 'ignored' | 'unknown'; readonly why: string } | undefined;

/** Applies an assignment by `apply`, and returns what became of it. */
function fateOf(
  { section, key, file, line }: Assignment,
  systemd: number,
  apply: () => string | undefined,
): Fate {
  const unknown = whyUnknown(section, key, systemd);
  if (unknown !== undefined) return { kind: 'unknown', why: unknown };
  try {
    const why = apply();
    return why === undefined ? undefined : { kind: 'ignored', why };
  } catch (error) {
    if (error instanceof FatalValue) throw refusal(file, `line ${line}, ${key}=: ${error.message}`);
    if (error instanceof InvalidValue || error instanceof BrokenQuoting)
      return { kind: 'unknown', why: error.message };
    if (error instanceof InapplicableValue) return { kind: 'ignored', why: error.message };
    throw error;
  }
}

/** What replaces the specifiers in the values of a unit. */
function expandFor({ name, files }: UnitTexts): Expand {
  const isSystem = process.getuid?.() === 0;
  const specifiers = { name, file: files[0]?.path ?? '', isSystem };
  return (text) => expandSpecifiers(text, specifiers);
}

/**
 * Reads a unit.
 *
 * @param sections - those that a unit of its kind has
 * @throws SystemdError ERR_SYSTEMD_UNIT_FILE for a value for which systemd refuses the unit
 */
export function readUnit(
  texts: UnitTexts,
  sections: readonly string[],
  systemd: number,
  apply: Apply,
): ReadUnit {
  const assignments: Assignment[] = [];
  const remarks = { ignored: [] as Remark[], unknown: [] as Remark[] };
  const expand = expandFor(texts);
  for (const { path, text } of texts.files) {
    const parsed = parseUnitText(text, path, sections);
    remarks.unknown.push(...parsed.unknown);
    for (const assignment of parsed.assignments) {
      const fate = fateOf(assignment, systemd, () => apply(assignment, expand));
      if (fate?.kind !== 'unknown') assignments.push(assignment);
      if (fate !== undefined) remarks[fate.kind].push({ ...assignment, why: fate.why });
    }
  }
  const files = texts.files.map(({ path }) => path);
  return { name: texts.name.full, files, assignments, ...remarks };
}

/** Why a setting that is not among those that are applied has no effect; undefined when nobody misses it. */
export const notApplied = (key: string): string | undefined =>
  QUIET.has(key) || key.startsWith('X-') ? undefined : 'it is not applied here';
