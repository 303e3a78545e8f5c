// Text from outside this package, escaped for one line of a terminal or of a log.
import { expect, test } from 'vitest';
import { escapeUnambiguously, escapeUnprintable } from '../../lib/base/printable.ts';

test.each<[what: string, text: string, shown: string]>([
  ['printable ASCII', ' ~"\'`$%{}', ' ~"\'`$%{}'],
  ['other scripts and emoji', 'Grüße 日本 ☃ 🚀', 'Grüße 日本 ☃ 🚀'],
  ['control characters', '\0\t\n\r\x1b\x7f', '\\x00\\x09\\x0a\\x0d\\x1b\\x7f'],
  ['control characters of C1', '\u0080\u0085\u009b\u009f', '\\x80\\x85\\x9b\\x9f'],
  [
    'characters that change the direction',
    '\u202a\u202e\u2066\u2069',
    '\\u{202a}\\u{202e}\\u{2066}\\u{2069}',
  ],
  ['marks of a direction', '\u200e\u200f\u061c', '\\u{200e}\\u{200f}\\u{61c}'],
  [
    'characters without a width',
    '\u00ad\u200b\ufeff\u{e0041}',
    '\\xad\\u{200b}\\u{feff}\\u{e0041}',
  ],
  ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
  ['unpaired surrogates', 'a\ud83d', 'a\\u{d83d}'],
])('escapes only unprintable characters: %s', (_what, text, shown) => {
  expect(escapeUnprintable(text)).toBe(shown);
  expect(escapeUnambiguously(text)).toBe(shown);
});

test('escapeUnambiguously() doubles backslashes, and escapeUnprintable() does not', () => {
  expect(escapeUnprintable('C:\\x1b \x1b')).toBe('C:\\x1b \\x1b');
  expect(escapeUnambiguously('C:\\x1b \x1b')).toBe('C:\\\\x1b \\x1b');
});
