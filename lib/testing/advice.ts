// What to try when a unit fails, beside the hints of its problems.
import { waitsForReady } from '../manager/description.ts';
import type { Facts } from './report.ts';

/** systemd's statuses of a program, or a folder, that is missing: EXIT_CHDIR, EXIT_EXEC. */
const MISSING: readonly number[] = [200, 203];

type Rule = (facts: Facts) => string | undefined;

/** Each looks at one thing that may be the reason. */
const RULES: readonly Rule[] = [
  ({ job, result, unit, messages }) =>
    job === 'start' && result === 'timeout' && waitsForReady(unit.type) && messages.length === 0
      ? "{ type: 'simple' } for a program that never notifies"
      : undefined,
  ({ job, result, unit }) =>
    job === 'start' && result === 'timeout'
      ? `{ startTimeout: ${unit.startTimeout * 2.5} } for more time`
      : undefined,
  ({ log }) =>
    log.at(-1)?.includes('start-limit-hit')
      ? '{ startLimitBurst: 0 } for a test that starts it more often'
      : undefined,
  ({ job, result, unit }) =>
    job === 'stop' && result === 'timeout'
      ? `end the process at ${unit.killSignal}, or { stopTimeout: ${unit.stopTimeout * 2.5} } for more time`
      : undefined,
  ({ isExecStart, processes, errors }) =>
    isExecStart &&
    (MISSING.includes(processes.at(-1)?.failure?.status ?? 0) ||
      /Cannot find module '/.test(errors))
      ? "{ command: [process.execPath, 'server.js'] } replaces ExecStart=, whose paths are those of the server"
      : undefined,
  ({ processes, errors }) =>
    processes.at(-1)?.exit?.code === 127 || /env: .?node.?: No such file/.test(errors)
      ? 'a program was not found: a service has the PATH of the system, so name it with its folder, or { env: { PATH: process.env.PATH } }'
      : undefined,
  ({ unit, errors }) =>
    unit.sockets.length === 0 && /ERR_SYSTEMD_NOT_ACTIVATED/.test(errors)
      ? "give the unit a socket: { sockets: { http: 'tcp' } }"
      : undefined,
  ({ unit, errors }) =>
    unit.sockets.length > 0 && /EADDRINUSE/.test(errors)
      ? 'the program opens an address itself, although the unit passes it sockets: it should listen on these'
      : undefined,
  ({ job }) =>
    job === 'run'
      ? "if the test expects this: await unit.until({ state: 'failed' }) before stop(), or { strict: false }"
      : undefined,
];

export function adviceFor(facts: Facts): string[] {
  return RULES.map((rule) => rule(facts)).filter((advice) => advice !== undefined);
}
