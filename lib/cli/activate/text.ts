// The events of `activate` as lines for people.
import { formatCount } from '../../base/format-count.ts';
import type { Assignment } from '../../testing/message.ts';
import { visible } from '../../testing/text.ts';
import { styled } from '../output.ts';
import { shellWord } from '../shell-word.ts';
import type { LauncherEvent, Next } from './events.ts';
import { firstOf, type Line, wrong } from './line.ts';
import type { ListeningSocket } from './listening.ts';
import { ignored, unknown } from './setting-lines.ts';

/** The events of one kind. */
type Of<E extends LauncherEvent['event']> = Extract<LauncherEvent, { readonly event: E }>;

const MOST_FILES = 3;

/** Milliseconds as seconds: `0.18 s`, `12 s`. */
function seconds(milliseconds: number): string {
  const value = milliseconds / 1000;
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} s`;
}

const join = (...parts: readonly (string | false | undefined)[]): string =>
  parts.filter(Boolean).join(' · ');

function listening(sockets: readonly ListeningSocket[]): Line[] {
  const width = Math.max(...sockets.map(({ name }) => name.length));
  return sockets.map(({ name, kind, text, url, everyInterface }) => {
    const address = url ?? (kind === 'stream' ? text : `${text} (${kind})`);
    const reach = everyInterface ? ` on ${text}: other machines reach it` : '';
    return [` ${name.padEnd(width)}  `, styled('strong', address), styled('bad', reach)];
  });
}

function ready({ after, away, status }: Of<'ready'>): Line {
  const downtime = away !== undefined && `back after ${seconds(away)}`;
  return ['  ', styled('good', 'ready'), ` ${join(seconds(after), downtime, status)}`];
}

const reloaded = ({ after, status }: Of<'reloaded'>): Line => [
  '  ',
  styled('good', 'reloaded'),
  ` ${join(seconds(after), status)}`,
];

/** Assignments that other lines tell of. Pings of the watchdog come for ever. */
const TOLD = new Set(['READY=1', 'STOPPING=1', 'WATCHDOG=1']);

/** The text of an assignment that the manager took; undefined for one that another line tells of. */
function takenText({ key, value }: Assignment, isReady: boolean): string | undefined {
  const line = `${key}=${value}`;
  // A time is no news, and a problem tells when it is missing.
  if (TOLD.has(line) || key === 'MONOTONIC_USEC' || (isReady && key === 'STATUS')) return undefined;
  return visible(key === 'STATUS' ? value : line);
}

/** A text of a message that had no effect, and the reason. */
function withoutEffect(text: string, outcome: string, why: string | undefined): Line {
  const reason = why === undefined ? outcome : `${outcome}: ${why}`;
  return ['  ', styled('faint', visible(text)), '  ', styled('bad', reason)];
}

function message({ assignments, text, outcome, why }: Of<'message'>): Line[] {
  if (assignments.length === 0) return [withoutEffect(text, outcome, why)];
  const isReady = assignments.some(
    (one) => one.key === 'READY' && one.value === '1' && one.outcome === 'taken',
  );
  return assignments.flatMap((one) => {
    if (one.outcome !== 'taken')
      return [withoutEffect(`${one.key}=${one.value}`, one.outcome, one.why)];
    const taken = takenText(one, isReady);
    return taken === undefined ? [] : [['  ', styled('faint', taken)]];
  });
}

const NEXT: Readonly<Record<Next, string | undefined>> = {
  now: undefined,
  change: 'the next change starts it again',
  connection: 'the next connection starts it again',
  restart: 'Restart= starts it again',
  end: undefined,
};

/** What a result of systemd's means, where the exit code does not tell. */
const RESULTS: Readonly<Record<string, string>> = {
  protocol: 'it had never sent READY=1',
  timeout: 'it was too slow, and killed',
  watchdog: 'the watchdog was not pinged',
};

function exited(event: Of<'exited'>): Line[] {
  const { code, signal, result, why, waiting, next } = event;
  if (result === 'success' && next === 'now') return [];
  const end = signal === null ? `exited with ${code ?? 'an unknown code'}` : `ended by ${signal}`;
  const isAwaited = waiting > 0 && next !== 'end' && next !== 'now';
  const wait = isAwaited && `${formatCount(waiting, 'connection')} waiting`;
  const line = join(why ?? end, RESULTS[result], wait, NEXT[next]);
  return [result === 'success' ? [`  ${line}`] : [styled('bad', `✖ ${line}`)]];
}

/** The lines for an event; none for one that says nothing new. */
export function eventLines(event: LauncherEvent): Line[] {
  const lines = linesOf(event);
  if (event.peer === undefined) return lines;
  // A program for each connection is ready at once. Its other lines stand between those of other connections.
  if (event.event === 'ready' && event.status === undefined) return [];
  const [first, ...more] = lines;
  return first === undefined ? [] : [[...first, styled('faint', ` · ${event.peer}`)], ...more];
}

function linesOf(event: LauncherEvent): Line[] {
  switch (event.event) {
    case 'ignored':
      return ignored(event.settings);
    case 'unknown':
      return event.settings.flatMap(unknown);
    case 'listening':
      return listening(event.sockets);
    case 'waiting':
      return [[`  waiting for the first ${event.next}`]];
    case 'started': {
      const command = event.command.map(shellWord).join(' ');
      return [['▶ ', styled('strong', command), styled('faint', ` (${event.pid})`)]];
    }
    case 'ready':
      return [ready(event)];
    case 'reloaded':
      return [reloaded(event)];
    case 'slow':
      return wrong(
        `not ready after ${seconds(event.after)}: READY=1 has not come`,
        'Send it by notify.ready() or serve(). For a program that never does: --type exec',
      );
    case 'message':
      return message(event);
    case 'problem':
      return wrong(`${event.message} [${event.code}]`, event.hint);
    case 'changed':
      return [[`  changed ${firstOf(event.files, MOST_FILES)}`]];
    case 'unwatched':
      return wrong(event.why);
    case 'given-up':
      return [[styled('bad', `✖ ${event.why}`)]];
    case 'stopping':
      return [[`  stopping (${event.signal})`]];
    case 'log':
      return wrong(event.line);
    case 'killing':
      return [['  killing (SIGKILL)']];
    case 'exited':
      return exited(event);
  }
}
