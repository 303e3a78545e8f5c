// The names of fields: which are refused, and that fieldName() makes valid ones of any text.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldName, isReserved, validateFieldName } from '../../lib/journal/field-names.ts';

describe('fieldName()', () => {
  test.each([
    ['requestId', 'REQUESTID'],
    ['http.status-code', 'HTTP_STATUS_CODE'],
    ['A_B', 'A_B'],
    ['2fa', 'N2FA'],
    ['_private', 'PRIVATE'],
    ['__', 'FIELD'],
    ['', 'FIELD'],
    ['größe', 'GR__E'],
    ['日本', 'FIELD'],
    ['a\nb=c', 'A_B_C'],
    ['x'.repeat(100), 'X'.repeat(64)],
    [`${'_'.repeat(70)}abc`, 'ABC'],
    [`1${'2'.repeat(64)}`, `N1${'2'.repeat(62)}`],
  ])('makes of %j the name %s', (text, name) => {
    expect(fieldName(text)).toBe(name);
  });

  test('makes a name that is not refused, of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const name = fieldName(text);
        expect(name).toMatch(/^[A-Z][A-Z\d_]{0,63}$/);
        if (!isReserved(name)) validateFieldName(name);
      }),
    );
  });
});

describe('a name of a field', () => {
  test.each(['A', 'A1_', 'ERROR_STACK', 'CODE_FILE', 'X'.repeat(64)])('may be %s', (name) => {
    expect(() => validateFieldName(name)).not.toThrow();
  });

  test.each(['', 'a', 'Ab', '_PID', '1A', 'A-B', 'A B', 'Ä', 'A\n', 'A=', 'X'.repeat(65)])(
    'may not be %j, and the error has the rule',
    (name) => {
      expect(() => validateFieldName(name)).toThrow(
        expect.objectContaining({
          code: 'ERR_INVALID_ARG_VALUE',
          message: expect.stringContaining('A-Z, 0-9 and _ that begins with a letter'),
        }),
      );
    },
  );

  test.each([
    ['MESSAGE', 'message'],
    ['PRIORITY', 'priority'],
    ['SYSLOG_IDENTIFIER', 'identifier'],
    ['MESSAGE_ID', 'messageId'],
  ])('may not be %s, because that is the property %s', (name, property) => {
    expect(() => validateFieldName(name)).toThrow(`given as the property "${property}"`);
  });

  test.each([
    ...['MESSAGE', 'PRIORITY', 'MESSAGE_ID', 'SYSLOG_IDENTIFIER', 'SYSLOG_FACILITY', 'SYSLOG_PID'],
    ...['CODE_FILE', 'CODE_LINE', 'CODE_FUNC', 'OBJECT_PID'],
  ])('%s is no name for data from outside', (name) => {
    expect(isReserved(name)).toBe(true);
  });

  test.each(['MESSAGES', 'CODE', 'CODE_FILES', 'OBJECT', 'ERRNO', 'LEVEL'])(
    '%s is one for data from outside',
    (name) => {
      expect(isReserved(name)).toBe(false);
    },
  );
});
