// What the socket units say: names, how they start the service, queues and limits.
import { readFileSync } from 'node:fs';
import { usualTriggerLimit } from '../../manager/defaults.ts';
import type { SocketDescription } from '../../manager/socket-description.ts';
import type { UnitFile } from '../../manager/unit-file.ts';
import { allWords, expanded, type Facts, isOn } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';

/** The kernel's limit for every backlog, see listen(2). */
const SOMAXCONN = '/proc/sys/net/core/somaxconn';

const portOf = (address: string): string | undefined => /:?(\d+)$/.exec(address)?.[1];

/**
 * True when sockets of one name may be for one server, as far as their ports and paths tell. A server takes those of
 * its own kind, which may be one port of several addresses, and a path beside it.
 */
function areForOneServer(sockets: readonly SocketDescription[]): boolean {
  return sockets.every(({ kind, address }) => {
    const others = sockets.filter((other) => other.kind === kind && other.address !== address);
    const isPath = address.startsWith('/') || address.startsWith('@');
    return others.every((other) => {
      const isOtherPath = other.address.startsWith('/') || other.address.startsWith('@');
      return isPath === isOtherPath ? !isPath && portOf(other.address) === portOf(address) : true;
    });
  });
}

function checkNames({ unit }: UnitFile): Finding[] {
  const names = [...new Set(unit.sockets.map(({ name }) => name))];
  return names.map((name) => {
    const sockets = unit.sockets.filter((socket) => socket.name === name);
    const addresses = sockets.map(({ address }) => address).join(', ');
    if (areForOneServer(sockets)) return good('sockets', `${name}: ${addresses}`);
    return bad(
      'sockets',
      `the name ${name} is that of ${addresses}: the program can't tell them apart. Each needs a socket unit of its own`,
      `Service=${unit.name}`,
      'FileDescriptorName=http',
    );
  });
}

/** A service that is started by itself gets its sockets only if it pulls them in. */
function checkRequires({ unit, service, sockets }: UnitFile): Finding[] {
  if (unit.accept) return []; // its start is the socket's doing
  const pulled = ['Requires', 'Wants', 'BindsTo', 'Sockets', 'Upholds'].flatMap((key) =>
    allWords(service, key).map((word) => expanded(service, word) ?? word.replaceAll('%i', '')),
  );
  const missing = sockets.map(({ name }) => name).filter((name) => !pulled.includes(name));
  if (missing.length === 0)
    return sockets.length > 0 ? [good('requires', 'a start of the service opens its sockets')] : [];
  return [
    bad(
      'requires',
      `a start of the service itself does not open ${missing.join(', ')}, and it gets no socket then`,
      '[Unit]',
      `Requires=${missing.join(' ')}`,
    ),
  ];
}

function somaxconn(): number {
  try {
    return Number(readFileSync(SOMAXCONN, 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function checkBacklog({ unit }: UnitFile): Finding[] {
  const limit = somaxconn();
  const largest = Math.max(0, ...unit.sockets.map(({ backlog }) => backlog ?? 0));
  if (largest > limit) {
    return [
      bad(
        'backlog',
        `Backlog=${largest} is more than the kernel allows, which is ${limit}`,
        `sysctl net.core.somaxconn=${largest}`,
      ),
    ];
  }
  const smallest = unit.sockets.find(({ backlog }) => backlog !== undefined && backlog < 128);
  if (smallest !== undefined) {
    return [
      bad(
        'backlog',
        `Backlog=${smallest.backlog}: clients beyond that wait or are refused during a restart`,
        'Backlog=4096',
      ),
    ];
  }
  if (unit.sockets.length === 0) return [];
  return [
    good(
      'backlog',
      `${largest || limit} clients may wait on a socket during a restart (${largest > 0 ? 'Backlog=' : 'net.core.somaxconn'})`,
    ),
  ];
}

function checkTriggerLimit({ unit, sockets }: UnitFile): Finding[] {
  if (sockets.length === 0) return [];
  const { burst, interval } = unit.triggerLimit;
  const usual = usualTriggerLimit(unit.accept);
  const isOff = burst === 0 || interval === 0;
  if (isOff || burst / interval >= usual.burst / usual.interval) {
    return [
      good(
        'trigger-limit',
        isOff ? 'no limit of starts' : `TriggerLimitBurst=${burst} starts in ${interval / 1000} s`,
      ),
    ];
  }
  return [
    bad(
      'trigger-limit',
      `after ${burst} starts in ${interval / 1000} s systemd closes the socket, and clients are refused`,
      `TriggerLimitBurst=${usual.burst}`,
      'TriggerLimitIntervalSec=2',
    ),
  ];
}

function checkAccept({ unit, service }: UnitFile): Finding[] {
  if (!unit.accept || service.name.includes('@')) return [];
  return [
    bad(
      'accept',
      'Accept=yes starts a service for each connection, and this one is no template',
      'Accept=no',
    ),
  ];
}

/** All findings about the socket units. */
export function checkSockets({ file }: Facts): Finding[] {
  if (file === undefined) return [];
  if (file.unit.sockets.length === 0) {
    return [
      isOn(file.service, 'PrivateNetwork')
        ? advice(
            'sockets',
            'PrivateNetwork= without a socket unit: a TCP port of the program is reached by nobody',
            '[Socket]',
            'ListenStream=127.0.0.1:8080',
          )
        : advice(
            'sockets',
            'no socket unit starts it: a restart refuses clients until the program listens again',
          ),
    ];
  }
  return [
    ...checkNames(file),
    ...checkRequires(file),
    ...checkAccept(file),
    ...checkBacklog(file),
    ...checkTriggerLimit(file),
  ];
}
