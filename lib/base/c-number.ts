// Numbers in the environment as libsystemd reads them, which is as C does.
import { EINVAL, ERANGE } from './errno.ts';

/** Spaces first; then the number, in base 2, 8, 10 or 16 by how it begins; and what is left. */
const NUMBER =
  /^[ \t\n\v\f\r]*(?:0[bB]([01]+)|0[oO]([0-7]+)|([+-]?)(?:0[xX]([\da-fA-F]+)|(0[0-7]*)|([1-9]\d*)))(.*)$/s;

/** The largest number of 64 bits, which to systemd is a time without end. */
export const LARGEST_UNSIGNED = 2n ** 64n - 1n;

/**
 * An unsigned number of 64 bits; a negative errno where it is none: -ERANGE for one that is too large, or
 * negative, -EINVAL for what is no number, or goes on after it.
 */
export function parseUnsigned(text: string): bigint | number {
  const [found, binary, octal, sign, hexadecimal, zero, decimal, rest] = NUMBER.exec(text) ?? [];
  if (found === undefined) return -EINVAL;
  let value: bigint;
  if (binary !== undefined) value = BigInt(`0b${binary}`);
  else if (hexadecimal !== undefined) value = BigInt(`0x${hexadecimal}`);
  else value = BigInt(decimal ?? `0o${octal ?? zero}`);
  // In C's order: strtoull(3) stops at what is too large before anybody looks at what follows.
  if (value > LARGEST_UNSIGNED) return -ERANGE;
  if (rest !== '') return -EINVAL;
  return value !== 0n && sign === '-' ? -ERANGE : value;
}
