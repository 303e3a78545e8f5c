// Reads a socket unit: its sockets, and the service that it starts.
import { ACCEPTING_KINDS, type SocketDescription } from '../socket-description.ts';
import type { UnitTexts } from './files.ts';
import { notApplied, type ReadUnit, readUnit, refusal } from './read-unit.ts';
import { SOCKET_SECTIONS } from './setting-names.ts';
import { SOCKET_SETTINGS, SocketDraft } from './socket-settings.ts';
import type { UnitName } from './unit-name.ts';

/** A socket unit that was read. */
export interface ReadSocket {
  readonly draft: SocketDraft;
  readonly name: UnitName;
  readonly read: ReadUnit;
}

/** Reads the files of a socket unit. */
export function readSocket(texts: UnitTexts, systemd: number): ReadSocket {
  const draft = new SocketDraft();
  const read = readUnit(texts, SOCKET_SECTIONS, systemd, ({ section, key, value }, expand) => {
    const apply = section === 'Socket' ? SOCKET_SETTINGS[key] : undefined;
    apply?.(draft, value, expand);
    return apply === undefined ? notApplied(key) : undefined;
  });
  return { draft, name: texts.name, read };
}

/** The name of the service that a socket unit starts: Service=, or its own name; with Accept=yes that of a template. */
export function serviceOf({ draft, name }: ReadSocket): string {
  const at = name.instance === undefined ? '' : `@${name.instance}`;
  return draft.service ?? `${name.prefix}${draft.accept ? '@' : at}.service`;
}

/** The sockets of a unit. Without a name each has that of its unit. */
export function socketsOf({ draft, name, read }: ReadSocket): SocketDescription[] {
  if (draft.listeners.length === 0)
    throw refusal(read.files[0] ?? name.full, 'it has no Listen setting');
  if (draft.accept && !draft.listeners.every(({ kind }) => ACCEPTING_KINDS.includes(kind))) {
    throw refusal(read.files[0] ?? name.full, 'Accept=yes needs sockets that accept connections');
  }
  return draft.listeners.map((listener) => ({ name: name.full, ...draft.options, ...listener }));
}
