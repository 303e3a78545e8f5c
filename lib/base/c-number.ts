// Numbers in environment variables, read as libsystemd reads them: by the rules of C.
import { EINVAL, ERANGE } from './errno.ts';

/** White space, the digits in base 2, 8, 10 or 16 (by their prefix), and the rest of the text. */
const C_NUMBER =
  /^[ \t\n\v\f\r]*(?:0[bB]([01]+)|0[oO]([0-7]+)|([+-]?)(?:0[xX]([\da-fA-F]+)|(0[0-7]*)|([1-9]\d*)))(.*)$/s;

/** The largest number of 64 bits. As a time it means "without end" to systemd. */
export const LARGEST_UNSIGNED = 2n ** 64n - 1n;

/**
 * Reads an unsigned number of 64 bits, as a bigint. Returns a negative errno for any other text:
 *
 * - -ERANGE: the number is negative, or larger than 64 bits.
 * - -EINVAL: the text does not begin with a number, or more text follows the number.
 */
export function parseUnsigned(text: string): bigint | number {
  const [found, binary, octal, sign, hexadecimal, zero, decimal, rest] = C_NUMBER.exec(text) ?? [];
  if (found === undefined) return -EINVAL;
  let value: bigint;
  if (binary !== undefined) value = BigInt(`0b${binary}`);
  else if (hexadecimal !== undefined) value = BigInt(`0x${hexadecimal}`);
  else value = BigInt(decimal ?? `0o${octal ?? zero}`);
  // The order of these checks is C's: strtoull(3) reports a number that is too large before the rest is checked.
  if (value > LARGEST_UNSIGNED) return -ERANGE;
  if (rest !== '') return -EINVAL;
  return value !== 0n && sign === '-' ? -ERANGE : value;
}
