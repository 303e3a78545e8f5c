// The command line of a script: refuses what is wrong with its usage and exit code 2, and prints the usage for --help.
import { parseArgs } from 'node:util';

/** A function that ends the process with a reason and the usage. */
export function refuseWith(usage) {
  return (reason) => {
    console.error(`${reason}\n${usage}`);
    process.exit(2);
  };
}

/**
 * Reads the arguments of this process. --help prints the usage, and ends the process in order.
 *
 * @param usage - what --help and each refusal print
 * @param config - as for parseArgs() of node:util, but for --help
 */
export function readCommandLine(usage, config) {
  const options = { ...config.options, help: { type: 'boolean' } };
  let parsed;
  try {
    parsed = parseArgs({ ...config, options });
  } catch (error) {
    refuseWith(usage)(error.message);
  }
  if (!parsed.values.help) return parsed;
  console.log(usage);
  process.exit();
}
