// What runs in a command line of node, and folders that a service does not see.
import { baseName, isOperand } from '../manager/programs.ts';

/** The advice where something stands between systemd and node, or node is not found. */
export const NODE_LINE = 'ExecStart=/usr/bin/node /path/to/server.mjs';

/** True for a command line whose program is node, or env(1) with node. */
export function isNode([first = '', ...rest]: readonly string[]): boolean {
  const name = baseName(first);
  if (name === 'env') return isNode(rest.slice(rest.findIndex((word) => !/^-|=/.test(word))));
  return /^node(?:js)?$/.test(name);
}

/** With any of these there is no script. */
const WITHOUT_SCRIPT = /^(?:-e|-p|-pe|--eval|--print|--test|--run|-|-c|--check|-i)$/;

const afterNode = (argv: readonly string[]) =>
  argv.slice(argv.findIndex((word) => isNode([word])) + 1);

/** The script in a command line of node; undefined when there is none, or a variable has its path. */
export function scriptOf(argv: readonly string[]): string | undefined {
  const words = afterNode(argv);
  const script = words.find((word, at) => WITHOUT_SCRIPT.test(word) || isOperand(words, at));
  return script === undefined || /^-|[$]/.test(script) ? undefined : script;
}

const PRELOAD = /^(?:--import|-r|--require|--loader|--experimental-loader)(?:=(.*))?$/;

/** The modules that node loads before the script, where it looks for them from the working directory. */
export function preloadsOf(argv: readonly string[]): string[] {
  const words = isNode(argv) ? afterNode(argv) : [];
  const script = words.findIndex((_, at) => isOperand(words, at));
  return words
    .slice(0, script < 0 ? undefined : script)
    .flatMap((word, at) => {
      const preload = PRELOAD.exec(word);
      return preload === null ? [] : (preload[1] ?? words[at + 1] ?? []);
    })
    .filter((name) => !/^(?:\/|[a-z]+:)|[$]/.test(name));
}

/** The folders of ProtectHome=yes, see systemd.exec(5). */
export const HOMES: readonly string[] = ['/home', '/root', '/run/user'];

export const folderAbove = (path: string, folders: readonly string[]): string | undefined =>
  folders.find((folder) => path.startsWith(`${folder}/`));
