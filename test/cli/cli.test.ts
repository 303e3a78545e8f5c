// The command line as a whole: help, wrong input, colours.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { cli, cliInTerminal } from './run.ts';

const COMMANDS = ['activate', 'inspect', 'doctor', 'units'];

test.each([[[]], [['--help']], [['-h']]])('%j lists the commands', (args) => {
  const { stdout, stderr, status } = cli(args);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} +\\S`, 'm'));
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

test.each([['--version'], ['-V']])('%s prints the version of the package', (arg) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(cli([arg])).toMatchObject({ stdout: `${version}\n`, status: 0 });
});

describe.each(COMMANDS)('%s', (command) => {
  test.each(['--help', '-h'])('%s prints its options and examples, in 80 columns', (flag) => {
    const { stdout, stderr, status } = cli([command, flag]);
    expect(stdout).toContain('--json');
    expect(stdout).toContain('Examples:\n');
    expect(stdout).toMatch(new RegExp(`^  npx libsystemd ${command} `, 'm'));
    const [before = ''] = stdout.split('Examples:');
    expect(before.split('\n').filter((line) => line.length >= 80)).toEqual([]);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  });

  test.each([
    [['--jso'], '--json, perhaps'],
    [['--json=yes'], "--json takes no value, and 'yes' was given"],
    [['--json', '--json'], '--json is given twice'],
    [['--\u001b[31m'], 'there is no option --\\x1b[31m'],
    [['-z'], 'there is no option -z'],
  ])('%j is wrong input: one line, and exit code 2', (args, message) => {
    const { stdout, stderr, status } = cli([command, ...args]);
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
    expect(stderr).toMatch(new RegExp(`^libsystemd ${command}: [^\\n]*\\n$`));
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('\u001b');
  });
});

test.each([
  [['unit'], 'there is no command unit: units, perhaps'],
  [['\u001b]0;x\u0007'], 'there is no command \\x1b]0;x\\x07'],
  [['--json', 'units'], 'the command comes first'],
  [['constructor'], 'there is no command constructor'],
])('%j is wrong input: one line, and exit code 2', (args, message) => {
  const { stdout, stderr, status } = cli(args);
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
  expect(stderr).toMatch(/^libsystemd: [^\n]*\n$/);
  expect(stderr).toContain(message);
});

test('help, as of other programs, is --help, and that of a command too', () => {
  expect(cli(['help']).stdout).toBe(cli(['--help']).stdout);
  expect(cli(['help', 'units']).stdout).toBe(cli(['units', '--help']).stdout);
  expect(cli(['help', 'unit']).stderr).toContain('there is no command unit: units, perhaps');
});

test('there are colours in a terminal only, and none with NO_COLOR or TERM=dumb', () => {
  const control = '\u001b[';
  expect(cli(['--help']).stdout).not.toContain(control);
  expect(cliInTerminal(['--help'])).toContain(`${control}1m`);
  expect(cliInTerminal(['--help'], { NO_COLOR: '1' })).not.toContain(control);
  expect(cliInTerminal(['--help'], { TERM: 'dumb' })).not.toContain(control);
});
