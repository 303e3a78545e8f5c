// The checks of a unit as a whole, once its options and its files are put together.
import { invalidValue } from '../base/validate.ts';
import type { UnitDescription } from '../manager/description.ts';
import { ACCEPTING_KINDS, type SocketDescription } from '../manager/socket-description.ts';

/** Throws unless the sockets of a unit suit what it does with them. */
export function checkUnit(unit: UnitDescription): UnitDescription {
  if (unit.accept) checkAccepting(unit.sockets);
  else if (unit.input === 'socket') checkOnlySocket(unit.sockets);
  return unit;
}

/** Each socket of Accept=yes accepts connections. */
function checkAccepting(sockets: readonly SocketDescription[]): void {
  const other = sockets.find(({ kind }) => !ACCEPTING_KINDS.includes(kind));
  if (sockets.length > 0 && other === undefined) return;
  const expected = 'sockets that accept connections, such as tcp or unix, because of accept';
  throw invalidValue('options.sockets', expected, other?.name ?? 'none');
}

/** A unit whose standard input is its socket has exactly one (systemd.exec(5)). */
function checkOnlySocket({ length }: readonly SocketDescription[]): void {
  if (length === 1) return;
  const has = length === 0 ? 'none' : length;
  throw invalidValue(
    'options.input',
    `for a unit with exactly one socket, and this one has ${has}`,
    'socket',
  );
}
