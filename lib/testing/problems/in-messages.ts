// The problems that one message shows.
import { excerpt } from '../../base/validate.ts';
import type { UnitDescription } from '../../manager/description.ts';
import { endsInBackslash, findValue } from '../../manager/message.ts';
import type { ActiveState } from '../../manager/states.ts';
import type { Message } from '../message.ts';
import { seconds, visible } from '../text.ts';
import { meantBy, repeatedKeys } from './assignments.ts';
import type { Problem } from './codes.ts';

/** A message, and the unit at the moment at which it came. */
export interface MessageContext {
  readonly message: Message;
  readonly unit: UnitDescription;
  /** The state before the message. */
  readonly state: ActiveState;
  readonly mainPid: number | undefined;
  /** When the reload that is under way was begun, in microseconds of CLOCK_MONOTONIC. */
  readonly reloadBegun: bigint | undefined;
  /** True: the message was longer than a message may be. */
  readonly isTooLong: boolean;
}

/** The lines of a message that are not empty. */
export const linesOf = ({ text }: Message) =>
  text
    .replace(/\0$/, '')
    .split(/[\n\r]+/)
    .filter((line) => line !== '');

/** A message of which the manager reads nothing. At most one of these problems is reported. */
function whyLost({ message, isTooLong }: MessageContext): Problem | undefined {
  // A null byte at the end does no harm.
  const text = message.text.replace(/\0$/, '');
  const start = visible(excerpt(linesOf(message)[0] ?? ''));
  if (isTooLong)
    return {
      code: 'message-too-long',
      message: `a message of more than 4096 bytes was lost: ${start}`,
      hint: 'Shorten the text of STATUS=. notify.status() of libsystemd cuts it',
    };
  if (text.includes('\0'))
    return {
      code: 'null-byte',
      message: `a message with a null byte was lost: ${start}`,
      hint: 'Send the text without the byte that ends a string in C',
    };
  if (endsInBackslash(text))
    return {
      code: 'trailing-backslash',
      message: `a message that ends with a backslash was lost: ${start}`,
      hint: 'Double each backslash of a text, as notify.status() of libsystemd does',
    };
  const lines = linesOf(message);
  if (lines.includes('BARRIER=1') && lines.length > 1)
    return {
      code: 'barrier-with-text',
      message: `BARRIER=1 came with other lines, which were lost: ${start}`,
      hint: 'Send BARRIER=1 in a message of its own',
    };
  return undefined;
}

/** True for a message that NotifyAccess= has kept out: then there is a reason for the whole message. */
function isKeptOut({ message, unit, mainPid }: MessageContext): boolean {
  if (message.outcome === 'taken' || message.why === undefined) return false;
  if (linesOf(message).includes('BARRIER=1')) return false;
  return unit.notifyAccess === 'none' || message.pid !== mainPid;
}

function senderProblem(context: MessageContext): Problem | undefined {
  const { message, unit, mainPid } = context;
  if (!isKeptOut(context)) return undefined;
  return {
    code: 'sender-not-allowed',
    message: `process ${message.pid} sent a message, and NotifyAccess=${unit.notifyAccess} takes them only from the main process, ${mainPid ?? 'which has ended'}: ${visible(excerpt(message.text))}`,
    hint: "Let the main process send it, start the program without a shell or npm in between (exec), or set NotifyAccess=all ({ notifyAccess: 'all' })",
  };
}

function lineProblems({ message }: MessageContext): Problem[] {
  const lines = linesOf(message);
  const near = lines.flatMap((line): Problem[] => {
    const meant = meantBy(line);
    if (meant === undefined) return [];
    return [
      {
        code: 'near-miss',
        message: `the line '${visible(excerpt(line))}' does nothing`,
        hint: `Send ${meant} as a whole line, without blanks and in upper case`,
      },
    ];
  });
  const repeated = repeatedKeys(lines).map(
    (key): Problem => ({
      code: 'duplicate-key',
      message: `a message has ${key}= more than once, and only the first counts`,
      hint: 'Send one of them, or two messages',
    }),
  );
  return [...near, ...repeated];
}

function earlyPing({ message, unit, state }: MessageContext): Problem | undefined {
  const lines = linesOf(message);
  if (unit.watchdogTimeout === 0 || state !== 'activating') return undefined;
  if (!lines.includes('WATCHDOG=1') || lines.includes('READY=1')) return undefined;
  return {
    code: 'watchdog-before-ready',
    message: 'WATCHDOG=1 came before READY=1, so the watchdog runs while the service starts',
    hint: 'Begin to ping after READY=1: the manager starts the clock then',
  };
}

function reloadProblem({ message, unit, reloadBegun }: MessageContext): Problem | undefined {
  const lines = linesOf(message);
  if (unit.type !== 'notify-reload' || !lines.includes('RELOADING=1')) return undefined;
  const time = findValue(lines, 'MONOTONIC_USEC');
  if (time === undefined)
    return {
      code: 'reload-without-time',
      message: 'RELOADING=1 came without MONOTONIC_USEC= in the same message',
      hint: 'Send both in one message, as notify.reloading() of libsystemd does',
    };
  if (!/^\d+$/.test(time) || reloadBegun === undefined || BigInt(time) >= reloadBegun)
    return undefined;
  return {
    code: 'reload-old-time',
    message: `MONOTONIC_USEC is ${seconds(Number(reloadBegun - BigInt(time)) / 1000)} older than the reload, so the manager goes on waiting`,
    hint: 'Read CLOCK_MONOTONIC when the signal comes: process.hrtime.bigint() / 1000n',
  };
}

/** The problems that this message shows. */
export function messageProblems(context: MessageContext): Problem[] {
  const lost = whyLost(context) ?? senderProblem(context);
  if (lost !== undefined) return [lost];
  if (context.message.outcome === 'dropped') return [];
  return [...lineProblems(context), earlyPing(context), reloadProblem(context)].filter(
    (problem) => problem !== undefined,
  );
}
