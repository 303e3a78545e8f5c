// ServiceDraft: what the files of a service have said so far.
import { type Exec, SERVICE_TYPES, type UnitDescription } from '../description.ts';
import { readEnvironmentFile } from './environment.ts';
import { InvalidValue } from './values.ts';

export type Settings = { -readonly [Key in keyof UnitDescription]?: UnitDescription[Key] };

/** The settings that have command lines, and where those go. */
export const COMMANDS = {
  ExecStart: 'start',
  ExecStartPre: 'startPre',
  ExecStartPost: 'startPost',
  ExecReload: 'reload',
  ExecStop: 'stop',
  ExecStopPost: 'stopPost',
} as const;

export type CommandList = (typeof COMMANDS)[keyof typeof COMMANDS];

/** The types that systemd knows. Those that the description does not know are left to the caller. */
export const KNOWN_TYPES = [...SERVICE_TYPES, 'forking', 'dbus', 'idle'] as const;

/** What the files have said so far. */
export class ServiceDraft {
  readonly settings: Settings = {};
  type: (typeof KNOWN_TYPES)[number] | undefined;
  readonly commands: Record<CommandList, Exec[]> = {
    start: [],
    startPre: [],
    startPost: [],
    reload: [],
    stop: [],
    stopPost: [],
  };
  variables = new Map<string, string>();
  /** The values of EnvironmentFile= as they stand there, and with their specifiers replaced. */
  environmentFiles: { readonly value: string; readonly expanded: string }[] = [];
  /** The socket units that Sockets= names. */
  sockets: string[] = [];
  readonly systemd: number;

  constructor(systemd: number) {
    this.systemd = systemd;
  }

  /** Drops the files of EnvironmentFile= that can't be read, and returns each with the reason. */
  dropMissingEnvironmentFiles(): { readonly value: string; readonly why: string }[] {
    const missing: { readonly value: string; readonly why: string }[] = [];
    this.environmentFiles = this.environmentFiles.filter(({ value, expanded }) => {
      try {
        readEnvironmentFile(expanded);
        return true;
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error;
        missing.push({ value, why: error.message });
        return false;
      }
    });
    return missing;
  }

  /** The variables of Environment=, and those of files, which win. @throws InvalidValue for a file that is not there */
  environment(): Record<string, string> {
    const fromFiles = this.environmentFiles.flatMap(({ expanded }) =>
      readEnvironmentFile(expanded),
    );
    return Object.fromEntries([...this.variables, ...fromFiles]);
  }
}
