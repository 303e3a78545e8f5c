/**
 * The variables by which every program loads the run time of the sanitizers that the add-on was
 * built with (test/hardening/sanitize.mjs). A test that gives a program an environment of its own
 * adds them; in any other run there are none.
 */
export const sanitizers: Readonly<Record<string, string>> = Object.fromEntries(
  ['LD_PRELOAD', 'ASAN_OPTIONS', 'UBSAN_OPTIONS'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
