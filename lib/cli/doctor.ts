// `npx libsystemd doctor`: what keeps, or would keep, a service from working.
import { existsSync } from 'node:fs';
import { excerpt } from '../base/validate.ts';
import { type DiagnoseOptions, diagnose, ownUnit } from '../doctor/diagnose.ts';
import type { Finding } from '../doctor/finding.ts';
import { findUnit, splitPath } from '../manager/unit-file/files.ts';
import { parseUnitName } from '../manager/unit-file/unit-name.ts';
import { defineCommand, UsageError } from './command.ts';
import { type Output, type Styled, styled, wrap } from './output.ts';

const MARKS: Readonly<Record<Finding['level'], Styled>> = {
  good: styled('good', '✓'),
  bad: styled('bad', '✖'),
  advice: styled('faint', '·'),
};

/** Prints a finding: its mark and text, and below it the lines to add. */
function printFinding(output: Output, { level, message, lines }: Finding): void {
  const [first = '', ...more] = wrap(message, Math.max(output.width - 3, 30));
  output.print(MARKS[level], ' ', level === 'advice' ? styled('faint', first) : first);
  for (const line of more) output.print('  ', level === 'advice' ? styled('faint', line) : line);
  for (const line of lines) output.print('      ', styled('strong', line));
}

/** True for a file, and for an instance of a template that is there: app@eu.service needs no file of its own. */
function isThere(path: string): boolean {
  const { folder, file } = splitPath(path);
  const name = parseUnitName(file);
  return existsSync(path) || (name !== undefined && findUnit(name, folder) !== undefined);
}

function whichService(unit: string | undefined, words: readonly string[]): DiagnoseOptions {
  const [file, ...others] = words;
  if (others.length > 0)
    throw new UsageError(`one file is expected, and '${excerpt(others[0] as string)}' is another`);
  if (unit !== undefined && file !== undefined)
    throw new UsageError('either --unit or a file is expected, not both');
  if (unit !== undefined) return { unit };
  if (file === undefined) {
    if (ownUnit() === undefined) {
      throw new UsageError(
        'which service? --unit NAME for one that systemd has loaded, or a file: doctor ./app.service',
      );
    }
    return {};
  }
  if (!isThere(file))
    throw new UsageError(`there is no file '${excerpt(file)}'; --unit NAME is for a loaded unit`);
  return { file };
}

/** A name that can't be that of a service is wrong input. */
function refuse(error: NodeJS.ErrnoException): never {
  const [, expected] = /must be (.*)\. Received/.exec(error.message) ?? [];
  if (error.code !== 'ERR_INVALID_ARG_VALUE' || expected === undefined) throw error;
  const [, received = ''] = /\('(.*)'\)$/.exec(error.message) ?? [];
  throw new UsageError(`--unit '${received}': it must be ${expected}`);
}

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Say what keeps, or would keep, a service from working, with the lines to add',
  synopsis: '[--unit NAME | FILE]',
  takes: 'words',
  options: {
    unit: {
      type: 'string',
      value: 'NAME',
      help: 'a service that systemd has loaded: its files, its state and its processes',
    },
  },
  examples: [
    ['npx libsystemd doctor --unit app', 'A service on this machine'],
    ['npx libsystemd doctor ./app.service', 'Files that are not installed; works without systemd'],
    [
      'ExecStartPre=-/usr/bin/npx libsystemd doctor',
      'In a unit: the service itself, into its journal',
    ],
  ],
  async run({ values, words }, output) {
    const diagnosis = await diagnose(whichService(values.unit, words)).catch(refuse);
    if (output.isJson) output.json(diagnosis);
    else for (const finding of diagnosis.findings) printFinding(output, finding);
    return diagnosis.isHealthy ? 0 : 1;
  },
});
