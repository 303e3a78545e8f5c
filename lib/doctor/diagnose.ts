// diagnose(): what keeps, or would keep, a service from working.
import { SystemdError } from '../base/errors.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { excerpt, invalidValue, validateOptionalString } from '../base/validate.ts';
import { unitOf } from '../environment/units.ts';
import { readProcess } from '../manager/proc.ts';
import { parseUnitName } from '../manager/unit-file/unit-name.ts';
import { checkAddresses } from './checks/addresses.ts';
import { checkDependencies } from './checks/dependencies.ts';
import { checkEnvironment, type Role } from './checks/environment.ts';
import { checkHardening } from './checks/hardening.ts';
import { checkLimits } from './checks/limits.ts';
import { checkAnalysis, checkLibrary, checkManager } from './checks/machine.ts';
import { checkProcess } from './checks/process.ts';
import { checkRunning } from './checks/running.ts';
import { checkService } from './checks/service.ts';
import { checkSockets } from './checks/sockets.ts';
import { type Facts, factsOfFile, factsOfUnit } from './facts.ts';
import { advice, type Finding } from './finding.ts';

/** Which service {@link diagnose} looks at. */
export interface DiagnoseOptions {
  /** A unit that systemd has loaded, such as `app.service` or `app`. Default: the service that this process is in. */
  readonly unit?: string | undefined;
  /** The path of a unit file, which need not be loaded. Its drop-ins and sockets are looked for beside it. */
  readonly file?: string | undefined;
}

/** The result of {@link diagnose}. */
export interface Diagnosis {
  /** The name of the service; undefined when this process is in none. */
  readonly unit: string | undefined;
  /** True when nothing was found that keeps the service from working: no finding is `bad`. */
  readonly isHealthy: boolean;
  readonly findings: readonly Finding[];
}

/** The service of the system's manager that this process is in; undefined when it is in none. */
export function ownUnit(): string | undefined {
  const unit = unitOf('self');
  // A user's own manager is a service, too, and systemctl(1) tells nothing of the services in it.
  return unit?.endsWith('.service') && !unit.startsWith('user@') ? unit : undefined;
}

async function findingsOf(facts: Facts, isInside = false): Promise<Finding[]> {
  return [
    ...checkManager(facts),
    ...checkService(facts),
    ...(await checkProcess(facts)),
    ...checkSockets(facts),
    ...checkAddresses(facts.file?.sockets ?? [], facts.otherSockets),
    ...(await checkDependencies(facts)),
    ...checkHardening(facts),
    ...checkLimits(facts),
    ...checkRunning(facts, isInside),
    ...(await checkAnalysis(facts)),
    checkLibrary(),
  ];
}

function result(unit: string | undefined, findings: readonly Finding[]): Diagnosis {
  return { unit, isHealthy: findings.every(({ level }) => level !== 'bad'), findings };
}

/** True when this process is the one with this pid, or below it. */
function isBelow(pid: number): boolean {
  for (let at = process.pid; at > 1; at = readProcess(at)?.parent ?? 0) if (at === pid) return true;
  return false;
}

function roleOf(facts: Facts | undefined): Role {
  const { MainPID, ControlPID } = facts?.shown ?? {};
  if (Number(ControlPID) > 0 && isBelow(Number(ControlPID))) return 'control';
  return Number(MainPID) > 0 && isBelow(Number(MainPID)) ? 'main' : 'unknown';
}

/** This process, and the service that it is in. */
async function diagnoseThis(): Promise<Diagnosis> {
  const unit = ownUnit();
  const facts = unit === undefined ? undefined : await factsOfUnit(unit);
  const inside = checkEnvironment(process.env, roleOf(facts));
  if (facts !== undefined) return result(unit, [...inside, ...(await findingsOf(facts, true))]);
  const why =
    unit === undefined
      ? advice(
          'unit',
          "this process is in no service of the system's manager: only its environment was looked at",
        )
      : advice(
          'systemd',
          `systemd does not answer about ${unit} from here: only the environment was looked at`,
        );
  return result(unit, [why, ...inside, checkLibrary()]);
}

/** All options of diagnose(). */
const OPTION_NAMES: OptionNames<DiagnoseOptions> = { unit: true, file: true };

function checkOptions(options: DiagnoseOptions): DiagnoseOptions {
  const { unit, file } = takeOptions(options, OPTION_NAMES, 'diagnose()');
  validateOptionalString('options.unit', unit);
  validateOptionalString('options.file', file);
  if (unit !== undefined && file !== undefined)
    throw invalidValue('options.file', 'left out where options.unit is given', file);
  if (file === '' || file?.includes('\0'))
    throw invalidValue('options.file', 'the path of a unit file', file);
  if (unit === undefined) return file === undefined ? {} : { file };
  const name = parseUnitName(unit.endsWith('.service') ? unit : `${unit}.service`);
  if (name === undefined || OTHER_SUFFIX.test(unit))
    throw invalidValue('options.unit', 'the name of a service, such as app.service or app', unit);
  if (name.instance === '')
    throw invalidValue(
      'options.unit',
      'the name of an instance, such as app@one, and no template',
      unit,
    );
  return { unit: name.full };
}

/** See "Description" in systemd.unit(5). */
const OTHER_SUFFIX = /\.(?:socket|target|device|mount|automount|swap|timer|path|slice|scope)$/;

/**
 * Looks for what keeps, or would keep, a service from working: its unit files, its sockets, its hardening, what systemd
 * and /proc say of its processes, and what systemd-analyze(1) says of its files. Asks systemd by systemctl(1), and
 * changes nothing.
 *
 * - With `unit`: a unit that systemd has loaded.
 * - With `file`: a unit file, also where systemd does not run; the findings say so.
 * - With neither: this process and its service, for a call in the program or by ExecStartPre=.
 *
 * @returns what was found; a service that does not exist, or a file that is no service, is a finding
 * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for a wrong option, for both at once, and for a
 * `unit` that is no name of a service
 * @throws SystemdError ERR_SYSTEMD_UNIT_FILE when `unit` is given, and no systemd answers
 * @see systemctl(1), systemd-analyze(1)
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { unit, file } = checkOptions(options);
  if (file !== undefined) {
    const facts = await factsOfFile(file);
    return result(facts.name, await findingsOf(facts));
  }
  if (unit === undefined) return await diagnoseThis();
  const facts = await factsOfUnit(unit);
  if (facts === undefined) {
    throw new SystemdError(
      'ERR_SYSTEMD_UNIT_FILE',
      `No systemd answers here about '${excerpt(unit)}'; a unit file can be looked at without one: doctor ./app.service`,
    );
  }
  return result(facts.name, await findingsOf(facts));
}
