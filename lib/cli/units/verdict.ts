// What systemd-analyze says of unit files that are not installed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatCount } from '../../base/format-count.ts';
import { type Score, score, verify } from '../../doctor/analyze.ts';
import { installedRelease } from '../../doctor/systemctl.ts';
import { type Output, styled } from '../output.ts';
import { whyNoProgram } from './exec.ts';
import type { UnitsRequest } from './request.ts';
import { type UnitText, unitTexts } from './texts.ts';

/** undefined fields: systemd-analyze is not installed, or too old. */
export interface Verdict {
  readonly score: Score | undefined;
  readonly objections: readonly string[] | undefined;
  /** The settings that the systemd of this machine is too old for, so that they were not checked. Absent: none. */
  readonly unchecked?: { readonly systemd: number; readonly settings: readonly string[] };
}

async function analyzeTexts(files: readonly UnitText[]): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'libsystemd-units-'));
  try {
    const paths = files.map(({ name, text }) => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    });
    const [rated, lines] = await Promise.all([
      score(folder, paths[0] as string),
      verify(folder, paths),
    ]);
    return { score: rated, objections: lines?.map((line) => line.replaceAll(`${folder}/`, '')) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The settings of the units for a release. */
const settingsFor = (request: UnitsRequest, systemd: number | undefined): string[] =>
  unitTexts({ ...request, systemd })
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => /^[A-Z]/.test(line));

/**
 * Asks systemd-analyze. It knows neither what came after it, nor programs of another machine: in place of these it is
 * asked about what it knows, so that each objection is one to the units.
 */
export async function judge(request: UnitsRequest): Promise<Verdict> {
  const { systemd, command } = request;
  const [program = '', ...args] = command;
  const here = await installedRelease();
  const known = here !== undefined && systemd !== undefined && systemd > here ? here : systemd;
  const isThere = whyNoProgram(program) === undefined;
  const asked = {
    ...{ ...request, systemd: known },
    command: isThere ? command : [process.execPath, ...args],
  };
  const verdict = await analyzeTexts(unitTexts(asked));
  const checked = new Set(settingsFor(request, known));
  const settings = settingsFor(request, systemd).filter((line) => !checked.has(line));
  if (known === undefined || settings.length === 0) return verdict;
  return { ...verdict, unchecked: { systemd: known, settings } };
}

function printObjections(output: Output, objections: readonly string[]): void {
  const isGood = objections.length === 0;
  output.print(
    isGood ? styled('good', '✓') : styled('bad', '✖'),
    ` systemd-analyze verify: ${isGood ? 'no objections' : formatCount(objections.length, 'objection')}`,
  );
  for (const line of objections) output.print('  ', line);
}

export function printVerdict(output: Output, verdict: Verdict): void {
  const { score: rated, objections, unchecked } = verdict;
  if (rated === undefined || objections === undefined) {
    const why = 'systemd-analyze is not installed here, or older than 250: nothing was checked';
    output.print(styled('faint', `· ${why}`));
    return;
  }
  printObjections(output, objections);
  if (unchecked !== undefined) {
    const { systemd, settings } = unchecked;
    const what = `${settings.join(' ')} was not checked: systemd ${systemd} here is older than it`;
    output.print(styled('faint', `· ${what}`));
  }
  output.print(
    styled('good', '✓'),
    ` systemd-analyze security: ${rated.exposure.toFixed(1)} ${rated.word}`,
  );
}
