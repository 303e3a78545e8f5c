// Numbers in messages, read as the manager reads them: by the rules of C.
import { parseUnsigned } from '../base/c-number.ts';
import { errnoOf } from './errno-name.ts';

/** MAX_ERRNO of Linux. */
const LARGEST_ERRNO = 4095n;

/** The largest pid_t. */
const LARGEST_PID = 2n ** 31n - 1n;

/** A number of 64 bits without sign; undefined for any other text. */
export function parseU64(text: string): bigint | undefined {
  const value = parseUnsigned(text);
  return typeof value === 'bigint' ? value : undefined;
}

/** An errno by name or number, 0 too. */
export function parseErrno(text: string): number | undefined {
  const byName = errnoOf(text);
  if (byName !== undefined) return byName;
  const value = parseU64(text);
  return value !== undefined && value <= LARGEST_ERRNO ? Number(value) : undefined;
}

export function parsePid(text: string): number | undefined {
  const value = parseU64(text);
  return value !== undefined && value > 0n && value <= LARGEST_PID ? Number(value) : undefined;
}
