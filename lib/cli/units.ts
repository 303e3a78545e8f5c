// `npx libsystemd units`: a hardened service with its sockets, as unit files.
import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { excerpt } from '../base/validate.ts';
import { checkAddresses } from '../doctor/checks/addresses.ts';
import { SOCKET_SECTIONS } from '../manager/unit-file/setting-names.ts';
import { parseUnitText } from '../manager/unit-file/syntax.ts';
import { defineCommand, UsageError, type Values } from './command.ts';
import { Output, styled } from './output.ts';
import { shellWord } from './shell-word.ts';
import { readCommand } from './units/exec.ts';
import { type Missing, missingHere } from './units/on-this-machine.ts';
import {
  checkName,
  checkSystemd,
  checkUser,
  readSockets,
  type UnitsRequest,
} from './units/request.ts';
import { handleStaleSockets, type StaleSockets } from './units/stale-sockets.ts';
import { type UnitText, unitTexts } from './units/texts.ts';
import { judge, printVerdict } from './units/verdict.ts';
import { writeFiles } from './units/write-files.ts';

/** What the user should know, although the files were written. */
interface Warnings {
  readonly missing: readonly Missing[];
  readonly stale: StaleSockets;
}

function checkFolder(out: string): string {
  const folder = resolve(out);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new UsageError(`--out: '${excerpt(out)}' is no folder`);
}

/** Prints what is missing on this machine, and what was found of an earlier run. */
function printWarnings(output: Output, { missing, stale }: Warnings, isDry: boolean): void {
  for (const { what, advice, command } of missing) {
    const help = advice ?? (isDry ? `${command}` : 'the first command below makes it');
    output.print(styled('bad', '!'), ` ${what}: ${help}`);
  }
  for (const path of stale.removed)
    output.print(styled('good', '✓'), ` removed ${path}, of an earlier run`);
  for (const path of stale.left)
    output.print(styled('bad', '!'), ` ${path} starts this service, too: remove it`);
}

/** The folder of the units of an administrator. */
const INSTALLED = '/etc/systemd/system';

/** The commands to install the files. */
function printNextSteps(
  output: Output,
  paths: readonly string[],
  request: UnitsRequest,
  { missing, stale }: Warnings,
): void {
  const units = request.sockets.map(({ unit }) => unit);
  const start = units.length > 0 ? units.join(' ') : `${request.name}.service`;
  output.print('');
  output.print('Next:');
  for (const { command } of missing) if (command !== undefined) output.print(`  ${command}`);
  const old = [...stale.removed, ...stale.left].map((path) => basename(path));
  // Where they were installed, they still listen.
  if (old.length > 0) output.print(`  sudo systemctl disable --now ${old.join(' ')}`);
  const shown = paths.map((path) => (dirname(path) === process.cwd() ? basename(path) : path));
  if (dirname(paths[0] as string) !== INSTALLED) {
    if (old.length > 0) output.print(`  (cd ${INSTALLED} && sudo rm -f ${old.join(' ')})`);
    output.print(`  sudo cp ${shown.map(shellWord).join(' ')} ${INSTALLED}/`);
  }
  output.print('  sudo systemctl daemon-reload');
  output.print(`  sudo systemctl enable --now ${start}`);
}

const options = {
  name: { type: 'string', value: 'NAME', help: 'the name of the service, required' },
  exec: {
    type: 'string',
    value: 'COMMAND',
    help: "what to run, required: 'node /opt/app/server.mjs'; node is written by its real path",
  },
  listen: {
    type: 'string',
    multiple: true,
    value: '[NAME=]ADDRESS',
    help: 'a socket for the service: 127.0.0.1:8080, [::]:443, unix:/run/app.sock, udp://[::]:53, or a port of 127.0.0.1; NAME is for listenFds() and serve()',
  },
  user: {
    type: 'string',
    value: 'NAME',
    help: 'run as this user, instead of one that systemd makes',
  },
  'no-network': {
    type: 'boolean',
    help: 'for a service that calls nobody: it has its sockets and no network',
  },
  systemd: {
    type: 'string',
    value: 'RELEASE',
    help: 'the release that will run it, 247 or later; from 253 on the type is notify-reload. Default: any',
  },
  out: { type: 'string', value: 'DIR', help: 'where to write the files; default: this folder' },
  'dry-run': { type: 'boolean', help: 'print the files, and write nothing' },
  force: { type: 'boolean', help: 'replace files that exist' },
} as const;

function readRequest(values: Values<typeof options>): UnitsRequest {
  const name = checkName(values.name);
  const systemd = checkSystemd(values.systemd);
  return {
    name,
    sockets: readSockets(name, values.listen ?? []),
    ...readCommand(values.exec, systemd !== undefined),
    user: checkUser(values.user),
    hasNetwork: values['no-network'] !== true,
    systemd,
  };
}

/** Refuses two sockets of which systemd could open only one. */
function refuseClashes(files: readonly UnitText[]): void {
  const sockets = files
    .filter(({ name }) => name.endsWith('.socket'))
    .map(({ name, text }) => ({ name, ...parseUnitText(text, name, SOCKET_SECTIONS) }));
  const [clash] = checkAddresses(sockets, []);
  if (clash !== undefined) throw new UsageError(`--listen: ${clash.message}`);
}

export const units = defineCommand({
  name: 'units',
  summary:
    'Write the unit files of a service and its sockets, hardened, with a comment for each line',
  synopsis:
    '--name NAME --exec COMMAND [--listen [NAME=]ADDRESS]… [--user NAME] [--no-network] [--systemd RELEASE] [--out DIR] [--dry-run] [--force]',
  options,
  examples: [
    [
      "npx libsystemd units --name app --listen http=8080 --exec 'node /opt/app/server.mjs'",
      'A service behind nginx',
    ],
    [
      "npx libsystemd units --name app --listen '[::]:443' --exec 'node /opt/app/server.mjs' --dry-run",
      'Look first: nothing is written',
    ],
    [
      "npx libsystemd units --name app --listen unix:/run/app.sock --no-network --exec 'node /opt/app/server.mjs'",
      'A service that calls nobody',
    ],
  ],
  async run({ values }, output) {
    const request = readRequest(values);
    const files = unitTexts(request);
    refuseClashes(files);
    const isDry = values['dry-run'] === true;
    const mayReplace = values.force === true;
    const folder = isDry ? undefined : checkFolder(values.out ?? '.');
    const paths = folder === undefined ? [] : writeFiles(folder, files, mayReplace);
    const stale =
      folder === undefined
        ? { removed: [], left: [] }
        : handleStaleSockets(folder, request.name, files, mayReplace);
    const warnings = { missing: missingHere(request), stale };
    const verdict = await judge(request);
    if (output.isJson) {
      output.json({ files, written: paths, ...warnings, ...verdict });
      return 0;
    }
    for (const { name: file, text } of isDry ? files : []) {
      output.print(styled('strong', `# ${file}`));
      output.printText(text);
      output.print('');
    }
    for (const path of paths) output.print(styled('good', '✓'), ` ${path}`);
    // Not on standard output, where the files are.
    const remarks = isDry ? new Output(process.stderr) : output;
    printVerdict(remarks, verdict);
    printWarnings(remarks, warnings, isDry);
    if (!isDry) printNextSteps(output, paths, request, warnings);
    return 0;
  },
});
