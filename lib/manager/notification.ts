// The messages of a service: which of them count, which of their assignments, and what became of each.
import { whyRefused } from './access.ts';
import {
  EFFECTS,
  EFFECTS_AFTER_STATE,
  EFFECTS_BEFORE_STATE,
  type Effect,
  type Reading,
  unheard,
} from './effects.ts';
import { findValue, keyOf, type Lines, splitMessage } from './message.ts';
import { takeState, type Verdict } from './notified-state.ts';
import type { ServiceState } from './service-state.ts';
import type { ReceivedMessage } from './world.ts';

export interface Assignment {
  readonly key: string;
  readonly value: string;
  readonly line: string;
  readonly outcome: 'taken' | 'ignored' | 'unknown';
  readonly why?: string;
}

/** What became of a message. */
export interface Judgement {
  /** 'dropped': it is not valid; 'ignored': its sender may not send, or it is a void barrier. */
  readonly outcome: 'taken' | 'ignored' | 'dropped';
  readonly why?: string;
  readonly assignments: readonly Assignment[];
}

/** Judges a message, and changes the service by it. Each descriptor that came with it is stored or closed. */
export function takeMessage(service: ServiceState, message: ReceivedMessage): Judgement {
  const lines = splitMessage(message);
  if ('why' in lines) {
    closeAll(service, message.fds);
    return { outcome: 'dropped', why: lines.why, assignments: [] };
  }
  const why = whyVoid(service, message, lines);
  if (why !== undefined || lines.includes('BARRIER=1')) {
    closeAll(service, message.fds);
    const assignments = lines.map((line) => describeLine(line, why ?? true));
    return why === undefined
      ? { outcome: 'taken', assignments }
      : { outcome: 'ignored', why, assignments };
  }
  const reading: Reading = { message, lines, fds: message.fds };
  const verdicts = act(service, reading);
  closeAll(service, reading.fds);
  return {
    outcome: 'taken',
    assignments: lines.map((line, index) => judgeLine(service, lines, index, verdicts.get(line))),
  };
}

function closeAll({ world }: ServiceState, fds: readonly number[]): void {
  for (const fd of fds) world.close(fd);
}

/** Why the message has no effect. Any process may send a barrier; nothing else may be in the message. */
function whyVoid(
  service: ServiceState,
  { pid }: ReceivedMessage,
  lines: Lines,
): string | undefined {
  if (!lines.includes('BARRIER=1')) return whyRefused(service, pid);
  return lines.length > 1 ? 'BARRIER=1 has to be alone in its message' : undefined;
}

/** Acts on all lines. Returns what became of those that have an effect. */
function act(service: ServiceState, reading: Reading): ReadonlyMap<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const run = (effects: readonly Effect[]) => {
    for (const effect of effects) {
      const value = valueFor(service, effect, reading.lines);
      if (value !== undefined && effect.take)
        verdicts.set(`${effect.key}=${value}`, effect.take(service, value, reading));
    }
  };
  run(EFFECTS_BEFORE_STATE);
  for (const [line, verdict] of takeState(service, reading.lines)) verdicts.set(line, verdict);
  run(EFFECTS_AFTER_STATE);
  return verdicts;
}

/** The value with which an assignment counts: of a flag, if any line has it; else the first line's. */
function valueFor({ unit }: ServiceState, effect: Effect, lines: Lines): string | undefined {
  const { key, flag, since } = effect;
  if (since !== undefined && unit.systemd < since) return undefined;
  if (flag !== undefined) return lines.includes(`${key}=${flag}`) ? flag : undefined;
  return findValue(lines, key);
}

function judgeLine(
  service: ServiceState,
  lines: Lines,
  index: number,
  verdict: Verdict | undefined,
): Assignment {
  const line = lines[index] as string;
  const key = keyOf(line);
  const effect = EFFECTS.get(key);
  if (key.startsWith('X_')) return describeLine(line, unheard());
  if (effect === undefined) return { ...describeLine(line, true), outcome: 'unknown' };
  const { since = 0, flag } = effect;
  if (service.unit.systemd < since)
    return {
      ...describeLine(line, `systemd ${service.unit.systemd} does not know it, only ${since}`),
      outcome: 'unknown',
    };
  if (flag !== undefined && line !== `${key}=${flag}`)
    return describeLine(line, `only a whole line ${key}=${flag} means something`);
  if (lines.findIndex((other) => keyOf(other) === key) < index && flag === undefined)
    return describeLine(line, `only the first line with ${key}= counts`);
  return describeLine(line, verdict ?? true);
}

function describeLine(line: string, verdict: Verdict): Assignment {
  const text = Buffer.from(line, 'latin1').toString();
  const key = keyOf(text);
  const facts = { key, value: text.slice(key.length + 1), line: text };
  return verdict === true
    ? { ...facts, outcome: 'taken' }
    : { ...facts, outcome: 'ignored', why: verdict };
}
