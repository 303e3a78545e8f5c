// Programs that write to a receiver that is not journald.
import { expect } from 'vitest';
import { inPrivateRun, type PrivateRunOptions } from './private-run.ts';

/** The lines that Node prints of the warnings of lost entries. */
const WARNINGS = /^\(node:\d+\) \[ERR_SYSTEMD_JOURNAL\] .*\n(\(Use `node .*\n)?/gm;

/** Runs a module with a `receiver` (receiver.mjs), and returns what it has said. */
export async function withReceiver(
  source: string,
  options: PrivateRunOptions = {},
): Promise<unknown[]> {
  const program = `const receiver = await Receiver.start();\n${source}\nawait receiver.end();`;
  const { code, stderr, said } = await inPrivateRun(program, options);
  expect([code, stderr.replace(WARNINGS, '')]).toEqual([0, '']);
  return said;
}
