// ExecStart= of the service: --exec, checked.
import { existsSync, realpathSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { excerpt } from '../../base/validate.ts';
import { folderAbove, HOMES, preloadsOf } from '../../doctor/programs.ts';
import { findInPath, isExecutable, whyNotExecuted } from '../../manager/program-search.ts';
import { programBetween } from '../../manager/programs.ts';
import { splitWords } from '../../manager/unit-file/words.ts';
import { UsageError } from '../command.ts';

/** What the service runs. */
export interface ExecRequest {
  readonly command: readonly string[];
  /** The program for node, if the command names one. */
  readonly script: string | undefined;
  /** WorkingDirectory=, and the module that node looks for from there, such as libsystemd/auto. */
  readonly directory: { readonly path: string; readonly module: string } | undefined;
}

/** The folders that a service does not see, and the setting that hides them, see systemd.exec(5). */
const HIDDEN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(HOMES.map((folder) => [folder, 'ProtectHome=yes'])),
  '/tmp': 'PrivateTmp=yes (a part of DynamicUser=yes)',
  '/var/tmp': 'PrivateTmp=yes (a part of DynamicUser=yes)',
};

/** The absolute path of a program. `node` is the one that runs this command, if PATH has no other one. */
function findProgram(word: string): string {
  if (isAbsolute(word)) return word;
  if (word.includes('/')) return resolve(word);
  const found = findInPath(word);
  if (found !== undefined) return found;
  if (word === 'node') return process.execPath;
  throw new UsageError(`--exec: PATH has no '${excerpt(word)}'; write its absolute path`);
}

/** Why a program can't be run here; undefined when it can. */
export function whyNoProgram(program: string): string | undefined {
  if (!existsSync(program)) return 'does not exist';
  if (!isExecutable(program)) return "can't be executed (chmod +x)";
  const why = whyNotExecuted(program);
  return why === undefined ? undefined : `can't be executed: ${why}`;
}

const realPath = (path: string): string => (existsSync(path) ? realpathSync(path) : path);

const hiddenFolder = (path: string): string | undefined => folderAbove(path, Object.keys(HIDDEN));

/** Refuses a path that the service would not see. */
function checkVisible(path: string, what: string, advice: string): void {
  const folder = hiddenFolder(path);
  if (folder === undefined) return;
  throw new UsageError(
    `--exec: ${what} is ${excerptPath(path)}, and ${HIDDEN[folder]} hides ${folder} from the service, which does not start then: ${advice}`,
  );
}

const excerptPath = (path: string): string => (path.length > 80 ? `${path.slice(0, 80)}...` : path);

function adviceForNode(): string {
  return isExecutable('/usr/bin/node') && hiddenFolder(realPath('/usr/bin/node')) === undefined
    ? 'write /usr/bin/node in place of node'
    : 'install node in /usr or /opt, and write its path';
}

/**
 * The program, by its real path, and its arguments; a script by its absolute path.
 *
 * @param isElsewhere - true: the service runs on another machine, and its program need not be here
 */
export function readCommand(exec: string | undefined, isElsewhere: boolean): ExecRequest {
  if (exec === undefined)
    throw new UsageError("--exec is missing, such as --exec 'node /opt/app/server.mjs'");
  let words: string[];
  try {
    words = splitWords(exec);
  } catch (error) {
    throw new UsageError(`--exec: ${(error as Error).message}`);
  }
  const [first, ...rest] = words;
  if (first === undefined) throw new UsageError('--exec is empty');
  const between = programBetween(words);
  if (between !== undefined) {
    throw new UsageError(
      `--exec: ${between} would stand between systemd and node, which then gets no sockets and may not send READY=1; write --exec 'node /opt/app/server.mjs'`,
    );
  }
  const program = realPath(findProgram(first));
  checkVisible(
    program,
    basename(first),
    basename(program).startsWith('node') ? adviceForNode() : 'install it in /usr or /opt',
  );
  const why = isElsewhere ? undefined : whyNoProgram(program);
  if (why !== undefined) {
    throw new UsageError(
      `--exec: ${excerptPath(program)} ${why}; for another machine, name its release: --systemd 257`,
    );
  }
  const args = rest.map((word) => (isScript(word) ? absoluteScript(word) : word));
  const [module] = preloadsOf(words);
  const directory = module === undefined ? undefined : { path: currentFolder(module), module };
  return { command: [program, ...args], script: args[rest.findIndex(isScript)], directory };
}

/** The folder from which node finds the module here. */
function currentFolder(module: string): string {
  const path = process.cwd();
  const advice = 'call this in a folder such as /opt/app, where the module is installed';
  checkVisible(path, `the folder from which node looks for ${excerpt(module)}`, advice);
  return path;
}

const isScript = (word: string): boolean =>
  !word.startsWith('-') && /\.(?:[cm]?[jt]s|node)$/.test(word);

/** A file whose name looks like a program for node is written with its absolute path. */
function absoluteScript(word: string): string {
  const path = resolve(word);
  checkVisible(realPath(path), 'the program', 'copy it to a folder such as /opt/app');
  return path;
}
