// Generators of texts for property tests.
import fc from 'fast-check';

/** Pieces that may confuse a reader of messages, and harmless ones. */
const parts = [
  ...['\\', '\\\\', '\n', '\r', '\0', '=', 'STATUS=', 'READY=1', 'X_A=1', 'FDNAME=', ' ', '\t'],
  ...[
    '"',
    "'",
    '%n',
    '$HOME',
    'a',
    'é',
    '鍵',
    '😀',
    '\ud83d',
    '\ude00',
    '\u2028',
    '\u0085',
    '\x1b',
  ],
  ...['\ufeff', '\ufffd', '\ufffe', '\ufdd0', '\u{1ffff}'],
];

/** Texts made of these pieces. */
export const nastyText = fc.string({ unit: fc.constantFrom(...parts), maxLength: 20 });

/** Texts of any UTF-16 code units, lone surrogates included. */
export const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
  size: 'medium',
});
