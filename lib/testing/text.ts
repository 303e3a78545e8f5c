// The words of a failure message.
import { escapeUnprintable } from '../base/printable.ts';

/** A part of a message: a label, and the lines beside it. */
export type Section = readonly [label: string, lines: readonly string[]];

/** The column at which the lines begin. */
const INDENT = 12;

/** The most characters of a line. A longer one is continued below. */
const WIDTH = 120;

/** A line as several, each within the width unless a single word is longer. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let rest = text;
  for (let width = WIDTH - INDENT; rest.length > width; width = WIDTH - INDENT - 2) {
    // The blanks at the begin of a line are its own.
    const start = rest.search(/[^ ]/);
    const before = rest.lastIndexOf(' ', width);
    const at = before > start ? before : rest.indexOf(' ', Math.max(start, width));
    if (start < 0 || at < 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...lines, rest].map((line, i) => (i === 0 ? line : `  ${line}`));
}

/**
 * The message: a headline, and the sections that have lines. Long lines are wrapped. What a program has said can't
 * control a terminal.
 */
export function layOut(headline: string, sections: readonly Section[]): string {
  const lines = sections.flatMap(([label, texts]) =>
    texts
      .flatMap((text) => wrapped(escapeUnprintable(text)))
      .map((text, i) => (i === 0 ? `  ${label}` : '').padEnd(INDENT) + text),
  );
  return [headline, ...lines].join('\n');
}

/** `0.21 s`, `12 ms`: a time in milliseconds, for people. */
export function seconds(milliseconds: number): string {
  if (milliseconds >= 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds >= 100) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

/** `4 s`, `0.5 s`: a time that somebody has set. */
export function timeout(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? `${milliseconds / 1000} s` : 'any time';
}

/** A line of a message, printable, and with its blanks at the end visible. */
export function visible(line: string): string {
  return escapeUnprintable(line).replace(/ +$/, (blanks) => '␠'.repeat(blanks.length));
}
