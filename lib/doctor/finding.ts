// What the doctor says: one finding a line.
import type { FindingCode } from './codes.ts';

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at. Several findings may have one code. */
  readonly code: FindingCode;
  /**
   * - `good`: as it should be.
   * - `bad`: it keeps the service from working, or would.
   * - `advice`: it works, and would be better another way; or it could not be looked at.
   */
  readonly level: 'good' | 'bad' | 'advice';
  /** What was found, as one line. */
  readonly message: string;
  /** What to add or change: lines of a unit file, or commands. */
  readonly lines: readonly string[];
}

export const good = (code: FindingCode, message: string): Finding => ({
  code,
  level: 'good',
  message,
  lines: [],
});

export const bad = (code: FindingCode, message: string, ...lines: string[]): Finding => ({
  code,
  level: 'bad',
  message,
  lines,
});

export const advice = (code: FindingCode, message: string, ...lines: string[]): Finding => ({
  code,
  level: 'advice',
  message,
  lines,
});
