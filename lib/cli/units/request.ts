// What the options of `units` ask for, checked.
import { excerpt } from '../../base/validate.ts';
import { isChosen, parseAddress, type SocketAddress, splitName } from '../../manager/addresses.ts';
import { UsageError } from '../command.ts';
import type { ExecRequest } from './exec.ts';

/** One socket unit: all sockets of one fd name. */
export interface SocketRequest {
  /** The name of the unit, such as `app-http.socket`. */
  readonly unit: string;
  /** FileDescriptorName=; undefined: that of the unit. */
  readonly name?: string;
  readonly addresses: readonly SocketAddress[];
}

export interface UnitsRequest extends ExecRequest {
  readonly name: string;
  readonly sockets: readonly SocketRequest[];
  readonly user: string | undefined;
  readonly hasNetwork: boolean;
  readonly systemd: number | undefined;
}

/** The release that brought ProtectProc=, the newest setting of the units. */
const OLDEST_SYSTEMD = 247;

export function checkName(name: string | undefined): string {
  if (name === undefined) throw new UsageError('--name NAME is missing, such as --name app');
  const bare = name.replace(/\.service$/, '');
  if (!/^[a-z_][a-z0-9_-]{0,62}$/i.test(bare)) {
    throw new UsageError(
      `--name: '${excerpt(name)}' can't be the name of a unit and its folders: write letters, digits, - and _, and a letter first`,
    );
  }
  return bare;
}

export function checkUser(user: string | undefined): string | undefined {
  if (user !== undefined && !/^[a-z_][a-z0-9_-]{0,30}$/i.test(user)) {
    throw new UsageError(
      `--user: '${excerpt(user)}' can't be the name of a user: write up to 31 letters, digits, - and _, and a letter first`,
    );
  }
  return user;
}

export function checkSystemd(release: string | undefined): number | undefined {
  if (release === undefined) return undefined;
  const number = Number(/^v?(\d{1,4})$/.exec(release)?.[1]);
  if (!(number >= OLDEST_SYSTEMD)) {
    throw new UsageError(
      `--systemd: '${excerpt(release)}' is no release from ${OLDEST_SYSTEMD} on (see systemctl --version)`,
    );
  }
  return number;
}

function readListen(text: string): { readonly name?: string; readonly address: SocketAddress } {
  const { name, address } = splitName(text);
  if (isChosen(address)) {
    throw new UsageError(
      `--listen: '${excerpt(address)}' leaves the address open, and clients have to know it: write one such as 127.0.0.1:8080 or unix:/run/app.sock`,
    );
  }
  try {
    const read = parseAddress(address, { folder: '/run', name: 'unused' });
    if (/^(?:.*\]|[\d.]+):0$/.test(read.address)) {
      throw new TypeError(
        'port 0 is another port at each start, and clients have to know it: choose one',
      );
    }
    return name === undefined ? { address: read } : { name, address: read };
  } catch (error) {
    throw new UsageError(`--listen: ${(error as Error).message}`);
  }
}

/** The name of a socket unit. A single one has the service's name, so that it needs no Service=. */
function socketUnit(app: string, name: string | undefined, isOnly: boolean): string {
  if (name === undefined || isOnly) return `${app}.socket`;
  if (!/^[\w.-]+$/.test(name)) {
    throw new UsageError(
      `--listen: '${excerpt(name)}' becomes a part of a file's name: write letters, digits, ., - and _ only`,
    );
  }
  return `${app}-${name}.socket`;
}

/** Groups the sockets by their names, because FileDescriptorName= is one for all sockets of a socket unit. */
export function readSockets(app: string, listen: readonly string[]): SocketRequest[] {
  const byName = new Map<string | undefined, SocketAddress[]>();
  for (const { name, address } of listen.map(readListen)) {
    const same = byName.get(name) ?? [];
    byName.set(name, [...same, address]);
  }
  return Array.from(byName, ([name, addresses]) => ({
    unit: socketUnit(app, name, byName.size === 1),
    ...(name !== undefined && { name }),
    addresses,
  }));
}
