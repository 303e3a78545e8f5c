// Answers to what the add-on's loader asks about the system.

export interface System {
  readonly platform?: string;
  readonly arch?: string;
  readonly libc?: 'musl';
}

/** A module for Node's --import, after which a process takes its system for another. */
export function pretend({ platform, arch, libc }: System): string {
  const answers = Object.entries({ platform, arch }).filter(([, value]) => value !== undefined);
  const lines = answers.map(
    ([name, value]) => `Object.defineProperty(process, '${name}', { value: '${value}' });`,
  );
  if (libc === 'musl') {
    lines.push(`
      import fs from 'node:fs';
      const { existsSync } = fs;
      fs.existsSync = (path) => path === '/etc/alpine-release' || existsSync(path);
    `);
  }
  return `data:text/javascript,${encodeURIComponent(lines.join('\n'))}`;
}

/** The command at the end of the message of ERR_SYSTEMD_ADDON. */
export const buildCommand =
  /^No add-on of libsystemd fits this machine \(\S+\)\. Build the add-on, with .*: (npx .*)$/;
