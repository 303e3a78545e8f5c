// Numbers in the environment as libsystemd reads them, which is as C does.
import { EINVAL, ERANGE } from './errors.ts';

/** Spaces first; then the number, in base 2, 8, 10 or 16 by how it begins; and no more. */
const NUMBER =
  /^[ \t\n\v\f\r]*(?:0[bB]([01]+)|0[oO]([0-7]+)|([+-]?)(?:0[xX]([\da-fA-F]+)|(0[0-7]*)|([1-9]\d*)))$/;

const LARGEST = 2n ** 64n - 1n;

/**
 * An unsigned number of 64 bits; a negative errno where it is none: -EINVAL for what is no number,
 * -ERANGE for one that is negative or too large.
 */
export function parseUnsigned(text: string): bigint | number {
  const [found, binary, octal, sign, hexadecimal, zero, decimal] = NUMBER.exec(text) ?? [];
  if (found === undefined) return -EINVAL;
  let value: bigint;
  if (binary !== undefined) value = BigInt(`0b${binary}`);
  else if (hexadecimal !== undefined) value = BigInt(`0x${hexadecimal}`);
  else value = BigInt(decimal ?? `0o${octal ?? zero}`);
  return value > LARGEST || (value !== 0n && sign === '-') ? -ERANGE : value;
}
