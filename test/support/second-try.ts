// In CI a test that fails runs once more, because the machine there is shared and noisy. The closing lines name each
// test that needed it (closing-line.ts). A lost request fails at once: a second try would hide what such tests are for.

export const inCi = Boolean(process.env.CI) && process.env.CI !== 'false';

/** The message of a test that fails because requests were lost begins with this. */
export const LOST = 'requests were lost';

/** For `retry` of a configuration. */
export const SECOND_TRY = { count: inCi ? 1 : 0, condition: new RegExp(`^(?!${LOST})`) };
