// A simulation of another system, by other answers to the add-on's loader.

export interface System {
  readonly platform?: string;
  readonly arch?: string;
}

/** Returns a module for Node's --import that makes a process appear to run on another system. */
export function pretend({ platform, arch }: System): string {
  const answers = Object.entries({ platform, arch }).filter(([, value]) => value !== undefined);
  const lines = answers.map(
    ([name, value]) => `Object.defineProperty(process, '${name}', { value: '${value}' });`,
  );
  return `data:text/javascript,${encodeURIComponent(lines.join('\n'))}`;
}

/** Matches the message of ERR_SYSTEMD_ADDON, with the build command at its end as a group. */
export const buildCommand =
  /^No add-on of libsystemd fits this machine \(\S+\)\. Build the add-on, with .*: (npx .*)$/;
