// Reads a service's unit file, with its drop-ins and its socket units, as systemd does, into a UnitDescription.
import { describe, usualTriggerLimit } from './defaults.ts';
import { type Exec, NEWEST_SYSTEMD, type UnitDescription } from './description.ts';
import { findSockets, findUnit, isMasked, splitPath, type UnitTexts } from './unit-file/files.ts';
import {
  checkCommands,
  readEnvironment,
  readService,
  typeOf,
  withoutMissingFiles,
} from './unit-file/read-service.ts';
import { type ReadSocket, readSocket, serviceOf, socketsOf } from './unit-file/read-socket.ts';
import { type ReadUnit, refusal } from './unit-file/read-unit.ts';
import type { ServiceDraft } from './unit-file/service-draft.ts';
import type { Remark } from './unit-file/syntax.ts';
import { instanceOf, parseUnitName, templateOf, type UnitName } from './unit-file/unit-name.ts';

export type { ReadUnit } from './unit-file/read-unit.ts';
export type { Remark } from './unit-file/syntax.ts';

/** A service that was read from its files. */
export interface UnitFile {
  readonly unit: UnitDescription;
  readonly service: ReadUnit;
  readonly sockets: readonly ReadUnit[];
  /** Of the service and of its socket units together. */
  readonly ignored: readonly Remark[];
  readonly unknown: readonly Remark[];
  /**
   * Reads the same texts for an instance, as systemd reads a template for a connection (Accept=yes): `%i` and `%n` are
   * those of the instance.
   *
   * @param instance - what stands between the `@` and the suffix of its name
   */
  instantiate(instance: string): UnitDescription;
}

export interface UnitFileOptions {
  /** The release of systemd whose rules apply. Default: the newest. */
  readonly systemd?: number;
  /**
   * True: a file of EnvironmentFile= that can't be read is one of {@link ReadUnit.ignored}. Default: false, and the
   * service is refused, as systemd refuses to start it.
   */
  readonly skipsEnvironmentFiles?: boolean;
  /**
   * False: the unit is only looked at. What can't be run here is then read too: Type=forking and dbus as `simple`, the
   * first of several ExecStart= of Type=oneshot, and an EnvironmentFile= that is missing as an empty one. Default:
   * true.
   */
  readonly toRun?: boolean;
}

/** Dependencies, which need no mention when they name the service's own sockets. */
const DEPENDENCIES = new Set(['Requires', 'BindsTo', 'Requisite', 'PartOf']);

/**
 * Reads a service from texts that were found: the service's own, and those of its socket units.
 *
 * @throws SystemdError with the code ERR_SYSTEMD_UNIT_FILE when systemd would not load it, or it can't be run here
 */
export function readUnits(
  texts: UnitTexts,
  candidates: readonly UnitTexts[],
  options: UnitFileOptions = {},
): UnitFile {
  const { systemd = NEWEST_SYSTEMD, skipsEnvironmentFiles = false, toRun = true } = options;
  const path = texts.files[0]?.path ?? texts.name.full;
  const { draft, read } = readService(texts, systemd);
  const service = skipsEnvironmentFiles ? withoutMissingFiles(draft, read) : read;
  const sockets = candidates
    .map((candidate) => readSocket(candidate, systemd))
    .filter((socket) => isSocketOf(socket, texts.name, draft));
  const type = typeOf(draft, path, toRun);
  checkCommands(draft, type, path, toRun);
  const all = [service, ...sockets.map(({ read }) => read)];
  return {
    unit: describe({
      ...draft.settings,
      ...unitSettings(draft, sockets),
      environment: toRun ? readEnvironment(draft, path) : {},
      type,
      name: texts.name.full,
      systemd,
    }),
    service,
    sockets: sockets.map(({ read }) => read),
    ignored: all
      .flatMap(({ ignored }) => ignored)
      .filter((remark) => !isDependencyOn(sockets, remark)),
    unknown: all.flatMap(({ unknown }) => unknown),
    instantiate: (instance) => {
      const name = instanceOf(texts.name, instance);
      return readUnits({ ...texts, name }, candidates, options).unit;
    },
  };
}

/** True for a socket unit that starts the service, and for one that its Sockets= names. */
function isSocketOf(socket: ReadSocket, service: UnitName, { sockets }: ServiceDraft): boolean {
  const started = serviceOf(socket);
  return (
    [service.full, templateOf(service)].includes(started) || sockets.includes(socket.name.full)
  );
}

/** True for a setting that makes the service depend on these sockets, and on nothing else. */
function isDependencyOn(sockets: readonly ReadSocket[], { key, value }: Remark): boolean {
  const names = sockets.map(({ name }) => name.full);
  return DEPENDENCIES.has(key) && value.split(/[ \t]+/).every((word) => names.includes(word));
}

function unitSettings(draft: ServiceDraft, sockets: readonly ReadSocket[]) {
  const [start] = draft.commands.start as [Exec];
  const accept = sockets.some((one) => one.draft.accept);
  const usual = usualTriggerLimit(accept);
  const { maxConnections, triggerBurst, triggerInterval } = sockets[0]?.draft ?? {};
  return {
    ...draft.commands,
    start,
    sockets: sockets.flatMap(socketsOf),
    accept,
    lazy: sockets.length > 0,
    ...(maxConnections !== undefined && { maxConnections }),
    ...((triggerBurst !== undefined || triggerInterval !== undefined) && {
      triggerLimit: {
        burst: triggerBurst ?? usual.burst,
        interval: triggerInterval ?? usual.interval,
      },
    }),
  };
}

/**
 * Reads the unit file of a service, its drop-ins (`app.service.d/*.conf`) and the socket units beside it that start it.
 * An instance, such as app@eu.service, is read from its template.
 *
 * @param path - of a `.service` file
 * @throws SystemdError with the code ERR_SYSTEMD_UNIT_FILE when there is no such file, systemd would not load it, or it
 * can't be run here
 * @see systemd.unit(5), systemd.service(5), systemd.socket(5), systemd.syntax(7)
 */
export function readUnitFile(path: string, options: UnitFileOptions = {}): UnitFile {
  const { folder, file } = splitPath(path);
  const name = parseUnitName(file);
  if (name === undefined || name.suffix !== '.service')
    throw refusal(path, noService(path, options));
  if (isMasked(path)) throw refusal(path, 'it is masked: a link to /dev/null');
  const texts = findUnit(name, folder);
  if (texts === undefined) throw refusal(path, noFile(name, folder));
  return readUnits(texts, findSockets(folder), options);
}

/** Why a path names no service. A socket unit says which one it starts. */
function noService(path: string, { systemd = NEWEST_SYSTEMD }: UnitFileOptions): string {
  const { folder, file } = splitPath(path);
  const name = parseUnitName(file);
  const texts = name?.suffix === '.socket' ? findUnit(name, folder) : undefined;
  if (texts === undefined) return 'a file whose name ends with .service is expected';
  const service = serviceOf(readSocket(texts, systemd));
  return `it is a socket unit; give ${service}, whose socket units are found beside it`;
}

/** Says that there is no such file, and which template is there in its place. */
function noFile({ prefix, instance, suffix }: UnitName, folder: string): string {
  const template = { full: `${prefix}@${suffix}`, prefix, instance: '', suffix };
  const isMeant = instance === undefined && findUnit(template, folder) !== undefined;
  return `there is no such file${isMeant ? `; give ${template.full}, which is there` : ''}`;
}

/**
 * Refuses a template that no connection starts, as systemd does.
 *
 * @param path - of its file
 * @throws SystemdError with the code ERR_SYSTEMD_UNIT_FILE
 */
export function checkTemplate(unit: UnitDescription, path: string): UnitDescription {
  const { name, accept } = unit;
  if (accept || !name.endsWith('@.service')) return unit;
  const prefix = name.slice(0, -'@.service'.length);
  throw refusal(
    path,
    `it is a template, of which systemd starts instances: give ${prefix}@NAME.service, which need not exist; or write ${prefix}.socket beside it, with Accept=yes, for an instance for each connection`,
  );
}
