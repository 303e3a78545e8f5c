// The lines of a program's output that tell most about its end: the last ones, and the error whose stack they are.
import { formatCount } from '../base/format-count.ts';

/** How many lines are shown. */
const MOST_LINES = 12;

/** How many lines of an error's beginning are shown, if the last lines don't have it. */
const MOST_FIRST = 6;

const isFrame = (line: string): boolean => /^\s+at /.test(line);

/** `Error: …`, `SystemdError [CODE]: …`, `Uncaught TypeError: …`, as V8 prints them; not the `[cause]` of another. */
const isMessage = (line: string): boolean =>
  /^(?:Uncaught )?[\w$.]*(?:Error|Exception)\b/.test(line);

/** Where the message of the last error with a stack begins; undefined when there is none. */
function startOfError(lines: readonly string[]): number | undefined {
  const frame = lines.findLastIndex(isFrame);
  if (frame < 0) return undefined;
  const start = lines.findLastIndex((line, i) => i < frame && isMessage(line));
  if (start >= 0) return start;
  // An error of another name: its message is the line before the first frame of its stack.
  const before = lines.findLastIndex((line, i) => i < frame && !isFrame(line));
  return before < 0 ? undefined : before;
}

/**
 * The last lines of a text. Where they are the stack of an error, its message and its first frames come before them, so
 * that the reason is there.
 */
export function linesWorthReading(text: string): string[] {
  const lines = text
    .replace(/^\s*\n/, '')
    .trimEnd()
    .split('\n');
  if (lines.length === 1 && lines[0] === '') return [];
  if (lines.length <= MOST_LINES) return lines;
  const last = lines.slice(-MOST_LINES);
  const start = startOfError(lines);
  if (start === undefined || start >= lines.length - MOST_LINES)
    return [`(${formatCount(lines.length - last.length, 'earlier line')})`, ...last];
  const first = lines.slice(start, Math.min(start + MOST_FIRST, lines.length - MOST_LINES));
  const left = lines.length - MOST_LINES - start - first.length;
  return [...first, ...(left > 0 ? [`(${formatCount(left, 'line')})`] : []), ...last];
}
