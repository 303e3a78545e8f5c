// Variables of the sanitizers, which programs of the tests need when the add-on was built with sanitizers.

/**
 * The variables by which a program loads the run time of the sanitizers (test/hardening/sanitize.mjs). A test that
 * sets the whole environment of a program adds them. Empty in a run without sanitizers.
 */
export const sanitizers: Readonly<Record<string, string>> = Object.fromEntries(
  ['LD_PRELOAD', 'ASAN_OPTIONS', 'UBSAN_OPTIONS'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
