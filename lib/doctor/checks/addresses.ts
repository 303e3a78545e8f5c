// Two sockets on one address: the second of them can't be opened, or takes the address away from the first.
import { expanded, isOn, type Lines, lastValue } from '../facts.ts';
import { bad, type Finding } from '../finding.ts';

interface Listener {
  /** The name of its socket unit. */
  readonly unit: string;
  readonly key: string;
  readonly address: string;
  /** The IP address and the port, or the path of a Unix socket. */
  readonly host: string;
  readonly port?: string;
  readonly isV6Only: boolean;
  /** Another socket may have the same address: ReusePort=, or BindToDevice=. */
  readonly shares: boolean;
}

const KEYS = ['ListenStream', 'ListenDatagram', 'ListenSequentialPacket'];
const ANY_V4 = '0.0.0.0';
const ANY_V6 = '[::]';

/** `[0::1]` as `[::1]`. */
const normalHost = (host: string): string =>
  host.startsWith('[') && URL.canParse(`http://${host}`)
    ? new URL(`http://${host}`).hostname
    : host;

/** The Listen lines of a unit. An empty one resets those of all kinds. */
function listenersOf(unit: Lines): Listener[] {
  const lines = unit.assignments.filter(({ key }) => key.startsWith('Listen'));
  const reset = lines.findLastIndex(({ value }) => value === '');
  const isV6Only = lastValue(unit, 'BindIPv6Only') === 'ipv6-only';
  const shares = isOn(unit, 'ReusePort') || lastValue(unit, 'BindToDevice') !== undefined;
  return lines.slice(reset + 1).flatMap(({ key, value }) => {
    const address = expanded(unit, value);
    if (address === undefined || !KEYS.includes(key)) return [];
    const common = { unit: unit.name, key, address, isV6Only, shares };
    if (/^[/@]/.test(address)) return [{ ...common, host: address }];
    const [, host = ANY_V6, port] = /^(?:(.*):)?(\d+)$/.exec(address) ?? [];
    return port === undefined || port === '0' ? [] : [{ ...common, host: normalHost(host), port }];
  });
}

/** True when a socket of `one` is on the address of `other` too: `[::]` is every IPv4 address as well. */
function covers(one: Listener, other: Listener): boolean {
  if (one.host === other.host) return true;
  const isV6 = other.host.startsWith('[');
  // Of two datagram sockets the one with the longer address gets what is sent there, so both are of use.
  if (one.key !== 'ListenStream') return false;
  if (one.host === ANY_V4) return !isV6;
  return one.host === ANY_V6 && (isV6 || !one.isV6Only);
}

function isOneAddress(one: Listener, other: Listener): boolean {
  if (one.port === undefined) return one.host === other.host;
  if (one.port !== other.port || one.key !== other.key) return false;
  return !(one.shares && other.shares) && (covers(one, other) || covers(other, one));
}

const isBothFamilies = (one: Listener, other: Listener): boolean =>
  [one.host, other.host].toSorted().join() === [ANY_V4, ANY_V6].toSorted().join();

function finding(one: Listener, other: Listener): Finding {
  if (isBothFamilies(one, other) && one.host === ANY_V6) return finding(other, one);
  const second = one.unit === other.unit ? 'the same unit listens' : `${other.unit} listens`;
  const text = `${one.unit}: ${one.key}=${one.address}, and ${second} on ${other.address}`;
  if (one.port === undefined)
    return bad(
      'address',
      `${text}: who starts last takes the path, and clients of the other wait for ever`,
      `${one.key}=/run/another.sock`,
    );
  if (isBothFamilies(one, other))
    return bad('address', `${text}, which is every IPv4 address too`, 'BindIPv6Only=ipv6-only');
  const what =
    one.key === 'ListenDatagram'
      ? 'only one of them gets the messages'
      : 'only one of them can be opened (EADDRINUSE)';
  return bad(
    'address',
    `${text}: ${what}`,
    `${one.key}=`,
    `${one.key}=${one.address.replace(/\d+$/, 'ANOTHER_PORT')}`,
  );
}

/**
 * The sockets of the service whose address another socket has too.
 *
 * @param ownUnits - the socket units of the service
 */
export function checkAddresses(
  ownUnits: readonly Lines[],
  otherUnits: readonly Lines[],
): Finding[] {
  const own = ownUnits.flatMap(listenersOf);
  const others = otherUnits.flatMap(listenersOf);
  return own.flatMap((one, at) => {
    const clash = [...own.slice(at + 1), ...others].find((other) => isOneAddress(one, other));
    return clash === undefined ? [] : [finding(one, clash)];
  });
}
