// parseUnsigned() reads numbers as libsystemd does: sd_watchdog_enabled(3) reads the same texts from WATCHDOG_USEC.
import { sd_watchdog_enabled } from 'libsystemd/sd';
import { afterEach, expect, test } from 'vitest';
import { parseUnsigned } from '../../lib/base/c-number.ts';

const EINVAL = -22;
const ERANGE = -34;

afterEach(() => {
  delete process.env['WATCHDOG_USEC'];
});

/** The number or errno that libsystemd reads. For 0 and for the largest number it has EINVAL, as no watchdog has them. */
function byLibsystemd(text: string): bigint | number {
  process.env['WATCHDOG_USEC'] = text;
  try {
    return sd_watchdog_enabled();
  } catch (error) {
    return (error as { errno: number }).errno;
  }
}

test.each<[text: string, number: bigint | number]>([
  ['1', 1n],
  ['30000000', 30_000_000n],
  [' \t\n7', 7n],
  ['+8', 8n],
  ['0x10', 16n],
  ['0XfF', 255n],
  ['+0x10', 16n],
  ['0b11', 3n],
  ['0o17', 15n],
  ['010', 8n],
  ['18446744073709551614', 2n ** 64n - 2n],
  ['18446744073709551616', ERANGE],
  ['9'.repeat(1000), ERANGE],
  ['18446744073709551616 ', ERANGE],
  ['-18446744073709551616 ', ERANGE],
  ['-1 ', EINVAL],
  ['-1', ERANGE],
  ['-18446744073709551615', ERANGE],
  ['', EINVAL],
  [' ', EINVAL],
  ['9 ', EINVAL],
  ['1.5', EINVAL],
  ['1e3', EINVAL],
  ['08', EINVAL],
  ['0x', EINVAL],
  ['0xg', EINVAL],
  ['0b2', EINVAL],
  ['0o8', EINVAL],
  ['+-1', EINVAL],
  ['1_000', EINVAL],
  ['١', EINVAL],
  ['junk', EINVAL],
])('reads %j as %s, like libsystemd', (text, number) => {
  expect(parseUnsigned(text)).toBe(number);
  expect(byLibsystemd(text)).toBe(number);
});

test.each<[text: string, number: bigint]>([
  ['0', 0n],
  ['-0', 0n],
  ['00', 0n],
  ['18446744073709551615', 2n ** 64n - 1n],
])('reads %j as %s', (text, number) => {
  expect(parseUnsigned(text)).toBe(number);
});
