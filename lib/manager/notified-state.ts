// READY=1, RELOADING=1 and STOPPING=1: which of them counts in a message, and what it changes.
import { waitsForReady } from './description.ts';
import { findValue, type Lines } from './message.ts';
import { enterReloadByNotify, enterRunning, finishReload } from './running.ts';
import type { ServiceState } from './service-state.ts';
import { enterStartPost } from './starting.ts';
import { enterSignal, enterStopByNotify } from './stopping.ts';
import { parseU64 } from './values.ts';

const FLAGS = ['READY=1', 'RELOADING=1', 'STOPPING=1'] as const;
type Flag = (typeof FLAGS)[number];

/** What became of one line: true, or why it had no effect. */
export type Verdict = true | string;

/** Acts on these lines of a message. Returns what became of each of those that the message has. */
export function takeState(service: ServiceState, lines: Lines): ReadonlyMap<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const completes = isReloadOfManager(service, lines);
  const counts = countingFlag(service, lines);
  if (counts !== undefined) verdicts.set(counts, TAKE[counts](service, lines));
  for (const flag of FLAGS)
    if (lines.includes(flag) && !verdicts.has(flag))
      verdicts.set(flag, `in this message, ${counts} counts instead`);
  if (counts === 'READY=1' && completes) verdicts.set('RELOADING=1', true);
  return verdicts;
}

/** 252 takes the last line of the three. Since 253 STOPPING=1 goes before READY=1, and that before RELOADING=1. */
function countingFlag({ unit }: ServiceState, lines: Lines): Flag | undefined {
  if (unit.systemd < 253) return lines.findLast((line) => FLAGS.includes(line as Flag)) as Flag;
  return (['STOPPING=1', 'READY=1', 'RELOADING=1'] as const).find((flag) => lines.includes(flag));
}

const TAKE: Readonly<Record<Flag, (service: ServiceState, lines: Lines) => Verdict>> = {
  'READY=1': takeReady,
  'RELOADING=1': takeReloading,
  'STOPPING=1': takeStopping,
};

function takeStopping(service: ServiceState): Verdict {
  service.notified = 'stopping';
  // 252 calls every reload 'reload', and none of them is ended by this.
  if (['running', 'reload-signal', 'reload-notify'].includes(service.subState))
    enterStopByNotify(service);
  return true;
}

/** Since 259 a service that has said STOPPING=1 can't come back. */
function isDying({ unit, notified }: ServiceState): boolean {
  return unit.systemd >= 259 && notified === 'stopping';
}

const DYING = 'the service has said STOPPING=1 before';

function takeReady(service: ServiceState, lines: Lines): Verdict {
  if (isDying(service)) return DYING;
  const { unit, notified } = service;
  service.notified = unit.systemd >= 259 && notified === 'reloading' ? 'reload-ready' : 'ready';
  const isNotify = waitsForReady(unit.type);
  const begun = service.reloadBegin;
  if (isReloadOfManager(service, lines)) finishReload(service);
  else if (service.subState === 'start' && isNotify) becomeReady(service);
  else if (service.subState === 'reload-notify') finishReload(service);
  // 252 has no state of its own for a reload that the service itself has begun.
  else if (service.subState === 'reload' && unit.systemd < 253 && !service.processes.hasControl)
    enterRunning(service);
  else if (service.subState === 'reload-signal' && begun !== undefined)
    return 'the reload has to say RELOADING=1 with MONOTONIC_USEC= first, or in this message';
  else if (!isNotify) return `Type=${unit.type} does not wait for it`;
  return true;
}

function becomeReady(service: ServiceState): void {
  const { unit, world, processes } = service;
  if (
    unit.systemd >= 262 &&
    unit.type === 'notify-reload' &&
    !world.catches(processes.main, unit.reloadSignal)
  ) {
    const signal = unit.reloadSignal.replace(/^SIG/, '');
    service.write(`Service lacks handler for reload signal ${signal}, refusing service startup.`);
    enterSignal(service, 'stop-sigterm', 'protocol');
  } else enterStartPost(service);
}

function takeReloading(service: ServiceState, lines: Lines): Verdict {
  if (isDying(service)) return DYING;
  service.notified = 'reloading';
  if (service.subState === 'running') enterReloadByNotify(service);
  else if (service.subState === 'reload-signal') {
    const problem = untimely(service, lines);
    if (problem !== undefined) return problem;
    service.setState('reload-notify');
  }
  return true;
}

/** True if the message says that the reload is complete that the manager has asked for. */
function isReloadOfManager(service: ServiceState, lines: Lines): boolean {
  return (
    service.subState === 'reload-signal' &&
    lines.includes('RELOADING=1') &&
    untimely(service, lines) === undefined
  );
}

/** Why the message does not speak of the reload that the manager has asked for, by MONOTONIC_USEC=. */
function untimely({ reloadBegin }: ServiceState, lines: Lines): string | undefined {
  const value = findValue(lines, 'MONOTONIC_USEC');
  if (value === undefined) return 'MONOTONIC_USEC= is not in the same message';
  const time = parseU64(value);
  if (time === undefined) return `MONOTONIC_USEC=${value} is no number`;
  if (reloadBegin !== undefined && time >= reloadBegin) return undefined;
  return `MONOTONIC_USEC=${value} is older than the request to reload, ${reloadBegin}`;
}
