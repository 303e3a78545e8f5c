// The list of descriptors that a cluster primary hands to its workers, in environment variables.
import type { InheritedDescriptor } from '../../descriptor/inspect.ts';

/** In the primary: what a worker is told. */
export interface WorkerListing {
  readonly pid: number;
  readonly shared: readonly { readonly descriptor: InheritedDescriptor; readonly limit?: number }[];
}

/** The text goes as this variable and, where one has no room for it, `…_2`, `…_3` and so on. */
export const VARIABLE = 'LIBSYSTEMD_CLUSTER_FDS';

/** An environment string of 128 KiB or more, with its name, has every exec fail (execve(2)). */
const LONGEST_TEXT = 120 * 1024;

/** The same JSON without a character that takes more than one byte, so that it can be cut anywhere. */
export function asciiOf(json: string): string {
  return json.replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function inVariables(text: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (let i = 0; i * LONGEST_TEXT < text.length; i++) {
    parts[variable(i)] = text.slice(i * LONGEST_TEXT, (i + 1) * LONGEST_TEXT);
  }
  return parts;
}

export function variable(i: number): string {
  return i === 0 ? VARIABLE : `${VARIABLE}_${i + 1}`;
}
