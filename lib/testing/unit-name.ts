// The name by which a message calls a unit that was started by a command.
import { path } from '../base/lazy-builtins.ts';
import { isInterpreter, isOperand } from '../manager/programs.ts';

/** Options after which the source text of a program follows. */
const SOURCE = /^(-e|-c|-p|--eval|--print|-pe)$/;

/**
 * `server.js` for `node --flag --import tsx server.js`, `node -e` for a program in the command line, `sleep` for
 * `/bin/sleep 5`.
 */
export function nameOfCommand(command: readonly string[]): string {
  const [program = '', ...args] = command;
  const name = path().basename(program);
  if (!isInterpreter(program)) return name;
  const option = args.find((word) => SOURCE.test(word));
  const script = args.find((word, at) => isOperand(args, at) && word !== 'run');
  if (option !== undefined && (script === undefined || args.indexOf(option) < args.indexOf(script)))
    return `${name} ${option}`;
  return script === undefined ? name : path().basename(script);
}
