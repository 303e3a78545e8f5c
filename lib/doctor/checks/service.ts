// What the service's own unit file says of its start, its messages and its end.
import { waitsForReady } from '../../manager/description.ts';
import { programBetween } from '../../manager/programs.ts';
import type { UnitFile } from '../../manager/unit-file.ts';
import { type Facts, lastValue } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';
import { isNode, NODE_LINE } from '../programs.ts';

const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

/** Lines that systemd does not know, or takes for something else. */
function checkLines({ file, refusal }: Facts): Finding[] {
  if (file === undefined) return [bad('load', refusal ?? 'the unit could not be read')];
  const lines = file.unknown.map(({ file: path, line, key, value, why }) =>
    bad('load', `${path}:${line} is ignored: ${value === '' ? key : `${key}=${value}`}: ${why}`),
  );
  return lines.length > 0
    ? lines
    : [good('load', `${file.unit.name}: systemd knows every setting`)];
}

/** What systemd waits for, for the types that are not for daemons of Node. */
const OTHER_TYPES: Readonly<Record<string, string>> = {
  oneshot:
    'systemd waits until the program ends, as it should for a job; a daemon needs Type=notify',
  forking: 'systemd waits until the first process ends; a Node program says READY=1 instead',
  dbus: 'systemd waits for BusName=; a Node program says READY=1 instead',
};

function checkType(file: UnitFile): Finding {
  const { unit, service } = file;
  const type = lastValue(service, 'Type') ?? unit.type;
  if (waitsForReady(unit.type)) return good('type', `Type=${type}: systemd waits for READY=1`);
  if (unit.accept)
    return good('type', `Type=${type}: it serves one connection, which waits for it`);
  const other = OTHER_TYPES[type];
  if (other !== undefined) return advice('type', `Type=${type}: ${other}`);
  const text = `Type=${type}: systemd does not wait until the program serves`;
  return mustNotify(file) ? bad('type', text, 'Type=notify') : advice('type', text);
}

/** True for a daemon of Node, which can say READY=1. What other programs can say is not known. */
function mustNotify({ unit, service }: UnitFile): boolean {
  if (unit.accept || lastValue(service, 'Type') === 'oneshot') return false;
  return isNode(unit.start.argv) || programBetween(unit.start.argv) !== undefined;
}

function checkNotifyAccess(file: UnitFile, between: string | undefined): Finding {
  const { unit, service } = file;
  const { notifyAccess } = unit;
  const isSet = lastValue(service, 'NotifyAccess') !== undefined;
  if (notifyAccess === 'none') {
    const text = 'NotifyAccess=none: systemd listens to no message';
    return mustNotify(file)
      ? bad('notify-access', text, 'NotifyAccess=main')
      : advice('notify-access', text);
  }
  if (between !== undefined && notifyAccess !== 'all') {
    return bad(
      'notify-access',
      `NotifyAccess=${notifyAccess}${isSet ? '' : ' (by default)'}: the messages of node are ignored, because ${between} is the main process`,
      'NotifyAccess=all',
    );
  }
  return good(
    'notify-access',
    `NotifyAccess=${notifyAccess}: systemd takes the messages of the program`,
  );
}

function checkBetween({ unit }: UnitFile, between: string | undefined): Finding {
  if (between === undefined)
    return good('between', `${unit.start.argv[0]} is started by systemd itself`);
  return bad(
    'between',
    `${between} stands between systemd and node: LISTEN_PID and WATCHDOG_PID name ${between}, so node gets no sockets`,
    NODE_LINE,
  );
}

function checkWatchdog({ unit }: UnitFile): Finding {
  return unit.watchdogTimeout > 0
    ? good(
        'watchdog',
        `WatchdogSec=${unit.watchdogTimeout / 1000}: serve() pings every ${seconds(unit.watchdogTimeout / 2)}`,
      )
    : advice(
        'watchdog',
        'WatchdogSec= is not set: nobody notices when the event loop hangs',
        'WatchdogSec=30',
      );
}

function checkRestart({ unit }: UnitFile): Finding {
  return unit.restart === 'no'
    ? advice('restart', 'Restart=no: the service stays down when it fails', 'Restart=on-failure')
    : good('restart', `Restart=${unit.restart}`);
}

function checkStore({ unit }: UnitFile): Finding {
  return unit.fdStoreMax > 0
    ? good(
        'fd-store',
        `FileDescriptorStoreMax=${unit.fdStoreMax}: fdStore keeps descriptors over a restart`,
      )
    : advice(
        'fd-store',
        'FileDescriptorStoreMax= is not set: fdStore keeps nothing',
        'FileDescriptorStoreMax=16',
      );
}

function checkStop({ unit }: UnitFile): Finding[] {
  if (unit.killSignal !== 'SIGKILL') return [];
  return [
    bad(
      'stop',
      'KillSignal=SIGKILL: the program can finish no request when it is stopped',
      'KillSignal=SIGTERM',
    ),
  ];
}

/** All findings about the service's own file. */
export function checkService(facts: Facts): Finding[] {
  const { file } = facts;
  if (file === undefined) return checkLines(facts);
  const between = programBetween(file.unit.start.argv);
  const start = [...checkLines(facts), checkType(file)];
  // Neither serves for long: the first ends with its connection, the second is a job.
  if (file.unit.accept || file.unit.type === 'oneshot')
    return [...start, checkBetween(file, between)];
  return [
    ...start,
    checkNotifyAccess(file, between),
    checkBetween(file, between),
    checkWatchdog(file),
    checkRestart(file),
    checkStore(file),
    ...checkStop(file),
  ];
}
