// Reads a service unit: what its settings say together, and whether it can be run.
import type { UnitDescription } from '../description.ts';
import type { UnitTexts } from './files.ts';
import { notApplied, type ReadUnit, readUnit, refusal } from './read-unit.ts';
import { ServiceDraft } from './service-draft.ts';
import { leftOut, SERVICE_SETTINGS } from './service-settings.ts';
import { SERVICE_SECTIONS } from './setting-names.ts';
import type { Remark } from './syntax.ts';
import { InvalidValue } from './values.ts';

/** Reads the files of a service. */
export function readService(texts: UnitTexts, systemd: number) {
  const draft = new ServiceDraft(systemd);
  const read = readUnit(texts, SERVICE_SECTIONS, systemd, ({ section, key, value }, expand) => {
    const apply = SERVICE_SETTINGS[section]?.[key];
    apply?.(draft, value, expand);
    return apply === undefined ? notApplied(key) : leftOut(key, value);
  });
  return { draft, read };
}

/** The type, where the description has it. */
export function typeOf(draft: ServiceDraft, path: string, toRun: boolean): UnitDescription['type'] {
  const type = draft.type ?? 'simple';
  if (type === 'forking' || type === 'dbus') {
    if (!toRun) return 'simple';
    throw refusal(
      path,
      `Type=${type} can't be run here; a Node program says READY=1 by Type=notify`,
    );
  }
  return type === 'idle' ? 'simple' : type;
}

/** Refuses commands that systemd would refuse, or that can't be run here. */
export function checkCommands(
  { commands, settings }: ServiceDraft,
  type: string,
  path: string,
  toRun: boolean,
): void {
  if (commands.start.length === 0) throw refusal(path, 'it has no ExecStart=');
  if (commands.start.length > 1 && (toRun || type !== 'oneshot')) {
    const why = type === 'oneshot' ? "can't be run here" : 'are for Type=oneshot alone';
    throw refusal(
      path,
      `several ExecStart= ${why}; an empty ExecStart= in a drop-in resets the list`,
    );
  }
  if (type === 'oneshot' && (settings.restart === 'always' || settings.restart === 'on-success')) {
    throw refusal(path, `Restart=${settings.restart} is not allowed with Type=oneshot`);
  }
}

/** Takes the files of EnvironmentFile= that can't be read out of a draft, and notes each as ignored. */
export function withoutMissingFiles(draft: ServiceDraft, read: ReadUnit): ReadUnit {
  const lines = read.assignments.filter(({ key }) => key === 'EnvironmentFile');
  const missing = draft.dropMissingEnvironmentFiles().flatMap(({ value, why }): Remark[] => {
    const line = lines.findLast((one) => one.value === value);
    return line === undefined ? [] : [{ ...line, why: `${why}, so its variables are not set` }];
  });
  return { ...read, ignored: [...read.ignored, ...missing] };
}

/** The variables of a service, those of its files too. */
export function readEnvironment(draft: ServiceDraft, path: string): Record<string, string> {
  try {
    return draft.environment();
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw refusal(path, `EnvironmentFile=: ${error.message}, so the service does not start`);
  }
}
