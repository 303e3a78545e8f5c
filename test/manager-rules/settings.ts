// The settings of a unit in the table of scripts: directives with blanks between them. The last of a name counts.
//
// A command is the role of a puppet, or `true`, `false` or `missing`; a `-` before it ignores its failure, and a comma
// stands before the next one.

/** Directives of [Unit]. */
const OF_UNIT = ['StartLimitBurst', 'StartLimitIntervalSec'];

const PROGRAMS: Readonly<Record<string, string>> = {
  true: '/bin/true',
  false: '/bin/false',
  missing: '/bin/missing',
};

/** The settings as lines of a unit file. */
export function serviceLines(
  settings: string,
  puppet: (role: string) => string,
): { readonly unit: readonly string[]; readonly service: readonly string[] } {
  const directives = new Map<string, string>([['ExecStart', 'main']]);
  for (const word of settings.split(/\s+/)) {
    const at = word.indexOf('=');
    directives.set(word.slice(0, at), word.slice(at + 1));
  }
  const unit: string[] = [];
  const service: string[] = [];
  for (const [name, value] of directives)
    if (OF_UNIT.includes(name)) unit.push(`${name}=${value}`);
    else if (name.startsWith('Exec'))
      for (const command of value.split(','))
        service.push(`${name}=${commandLine(command, puppet)}`);
    else service.push(`${name}=${value}`);
  return { unit, service };
}

function commandLine(command: string, puppet: (role: string) => string): string {
  const [, dash = '', word = ''] = /^(-?)(.*)$/.exec(command) ?? [];
  return dash + (PROGRAMS[word] ?? puppet(word));
}
