// The variables of the environment by which the service manager says what the unit gave.

/** The value of a variable; undefined when it is unset or empty, which systemd takes for the same. */
export function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}

/** A list in an error message: each text in quotes, and the number of those that are left out. */
export function quotedList(texts: readonly string[], most = 8): string {
  const list = texts.slice(0, most).map((text) => `"${text}"`);
  const left = texts.length - list.length;
  return left > 0 ? `${list.join(', ')} and ${left} more` : list.join(', ');
}
