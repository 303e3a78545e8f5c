// A line of `activate` for people.
import { type Piece, styled } from '../output.ts';

/** A line: texts, some of them with a style. What prints them escapes what a terminal would obey. */
export type Line = readonly Piece[];

/** The first of many: `a, b, c and 2 more`. */
export function firstOf(all: readonly string[], most: number): string {
  const more = all.length - most;
  const shown = all.slice(0, most).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Something that is wrong, and what to change. */
export const wrong = (what: string, hint?: string): Line[] => [
  [styled('bad', `! ${what}`)],
  ...(hint === undefined ? [] : [[`  ${hint}`]]),
];
