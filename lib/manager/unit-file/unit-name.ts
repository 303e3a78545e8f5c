// The parts of a unit's name: prefix@instance.suffix, see systemd.unit(5).

export interface UnitName {
  /** All of it, such as `app@eu-1.service`. */
  readonly full: string;
  /** Before the `@`, or before the suffix: `app`. */
  readonly prefix: string;
  /** Between `@` and the suffix; undefined for a unit of no template, '' for the template itself. */
  readonly instance: string | undefined;
  /** With its dot: `.service`. */
  readonly suffix: string;
}

export function parseUnitName(full: string): UnitName | undefined {
  const [, prefix, at, instance = '', suffix = ''] =
    /^([\w:.\\-]+?)(@([\w:.\\@-]*))?(\.(?:service|socket))$/.exec(full) ?? [];
  if (prefix === undefined || full.length > 255) return undefined;
  return { full, prefix, instance: at === undefined ? undefined : instance, suffix };
}

/** The name of the template that a unit is an instance of: `app@.service`; undefined for others. */
export function templateOf({ prefix, instance, suffix }: UnitName): string | undefined {
  return instance === undefined || instance === '' ? undefined : `${prefix}@${suffix}`;
}

/** The name of a service for one connection: `app@.service` and `app.service` make `app@0-….service`. */
export function instanceOf({ prefix, suffix }: UnitName, instance: string): UnitName {
  return { full: `${prefix}@${instance}${suffix}`, prefix, instance, suffix };
}

/** `-` becomes `/`, and `\x2d` the byte, as systemd-escape(1) --unescape does. */
export function unescapeUnitName(text: string): string {
  const bytes = text
    .replaceAll('-', '/')
    .replace(/\\x([\da-fA-F]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}
