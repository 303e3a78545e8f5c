// Words of a command line that is shown to be copied.

/** The word, in quotes when a shell would not take it as it is. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
