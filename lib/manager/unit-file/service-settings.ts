// What each setting of a service's unit file does to its draft.
import { posix } from 'node:path';
import {
  type Exec,
  KILL_MODES,
  NOTIFY_ACCESSES,
  RESTARTS,
  type UnitDescription,
} from '../description.ts';
import { ignoredPrefixes, mayFail, parseCommands } from './command.ts';
import { parseVariable } from './environment.ts';
import {
  COMMANDS,
  type CommandList,
  KNOWN_TYPES,
  type ServiceDraft,
  type Settings,
} from './service-draft.ts';
import {
  addExitStatus,
  applyEach,
  FatalValue,
  InapplicableValue,
  InvalidValue,
  toBoolean,
  toMilliseconds,
  toSignal,
  toTimeout,
  toUnsigned,
  toWord,
} from './values.ts';
import { readWords, splitAtBlanks } from './words.ts';

type Expand = (text: string) => string;

type Apply = (draft: ServiceDraft, value: string, expand: Expand) => void;

const set =
  <Key extends keyof Settings>(key: Key, parse: (text: string) => Settings[Key]): Apply =>
  ({ settings }, value) => {
    settings[key] = parse(value);
  };

/** A broken command line is fatal, unless its failure would be ignored. */
function parseOrRefuse(value: string, expand: Expand): Exec[] {
  try {
    return parseCommands(value, expand);
  } catch (error) {
    if (mayFail(value)) throw error;
    throw new FatalValue((error as Error).message);
  }
}

const commands =
  (list: CommandList): Apply =>
  (draft, value, expand) => {
    draft.commands[list] =
      value === '' ? [] : [...draft.commands[list], ...parseOrRefuse(value, expand)];
  };

const limit =
  (part: 'burst' | 'interval', parse: (text: string) => number): Apply =>
  ({ settings }, value) => {
    const { burst = 5, interval = 10_000 } = settings.startLimit ?? {};
    settings.startLimit = { burst, interval, [part]: parse(value) };
  };

const exits =
  (key: 'successExitStatus' | 'restartPreventExitStatus' | 'restartForceExitStatus'): Apply =>
  ({ settings }, value) => {
    if (value === '') settings[key] = { codes: [], signals: [] };
    applyEach(splitAtBlanks(value), (word) => {
      settings[key] = addExitStatus(settings[key], word);
    });
  };

function setType(draft: ServiceDraft, value: string): void {
  const type = toWord(KNOWN_TYPES)(value);
  if (type === 'notify-reload' && draft.systemd < 253) {
    throw new InvalidValue('notify-reload came with systemd 253');
  }
  draft.type = type;
}

function setInput({ settings }: ServiceDraft, value: string, expand: Expand) {
  if (value === 'null' || value === 'socket') settings.input = value;
  else if (value.startsWith('file:/'))
    settings.input = { file: expand(value.slice('file:'.length)) };
  else if (/^(?:tty(?:-force|-fail)?|data|fd(?::.*)?)$/.test(value))
    throw new InapplicableValue('null, socket or file:/path is expected here');
  else throw new InvalidValue('null, socket or file:/path is expected');
}

function setDirectory({ settings }: ServiceDraft, value: string, expand: Expand) {
  const path = value.replace(/^-/, '');
  if (path === '') delete settings.directory;
  else if (path === '~') settings.directory = expand('%h');
  else if (/^\/(?!(?:.*\/)?\.\.(?:\/|$))/s.test(expand(path)))
    settings.directory = posix.resolve(expand(path));
  else {
    const Refused = value === path ? FatalValue : InvalidValue;
    throw new Refused('an absolute path without .. is expected');
  }
}

function setTimeouts({ settings }: ServiceDraft, value: string): void {
  settings.startTimeout = toTimeout(value);
  settings.stopTimeout = toTimeout(value);
}

function setAbortTimeout({ settings }: ServiceDraft, value: string): void {
  if (value === '') delete settings.abortTimeout;
  else settings.abortTimeout = toTimeout(value);
}

function addVariables(draft: ServiceDraft, value: string, expand: Expand): void {
  if (value === '') draft.variables.clear();
  applyEach(readWords(value, 'refuse'), (word) => {
    const [name, text] = parseVariable(expand(word));
    draft.variables.set(name, text);
  });
}

function addEnvironmentFile(draft: ServiceDraft, value: string, expand: Expand) {
  const { environmentFiles } = draft;
  draft.environmentFiles =
    value === '' ? [] : [...environmentFiles, { value, expanded: expand(value) }];
}

const toPreserve = (value: string): UnitDescription['fdStorePreserve'] => {
  if (value === 'restart' || value === 'on-success') return value;
  return toBoolean(value) ? 'yes' : 'no';
};

const toRestart = toWord(RESTARTS);
const toFailureMode = toWord(['terminate', 'abort', 'kill']);

/** The settings of [Unit] and [Service] that are applied. */
export const SERVICE_SETTINGS: Readonly<Record<string, Readonly<Record<string, Apply>>>> = {
  Unit: {
    StartLimitIntervalSec: limit('interval', toMilliseconds),
    StartLimitInterval: limit('interval', toMilliseconds),
    StartLimitBurst: limit('burst', toUnsigned),
  },
  Service: {
    ...Object.fromEntries(
      Object.entries(COMMANDS).map(([key, list]) => [key, commands(list)] as const),
    ),
    Type: setType,
    StandardInput: setInput,
    WorkingDirectory: setDirectory,
    Environment: addVariables,
    EnvironmentFile: addEnvironmentFile,
    Sockets: (draft, value) => {
      draft.sockets = value === '' ? [] : [...draft.sockets, ...value.split(/[ \t]+/)];
    },
    NotifyAccess: set('notifyAccess', toWord(NOTIFY_ACCESSES)),
    WatchdogSec: set('watchdogTimeout', toWatchdog),
    FileDescriptorStoreMax: set('fdStoreMax', toUnsigned),
    FileDescriptorStorePreserve: set('fdStorePreserve', toPreserve),
    NonBlocking: set('nonBlocking', toBoolean),
    TimeoutSec: setTimeouts,
    TimeoutStartSec: set('startTimeout', toTimeout),
    TimeoutStopSec: set('stopTimeout', toTimeout),
    TimeoutAbortSec: setAbortTimeout,
    RuntimeMaxSec: set('runtimeTimeout', toMilliseconds),
    TimeoutStartFailureMode: set('startFailureMode', toFailureMode),
    TimeoutStopFailureMode: set('stopFailureMode', toFailureMode),
    Restart: set('restart', toRestart),
    RestartSec: set('restartDelay', toMilliseconds),
    StartLimitInterval: limit('interval', toMilliseconds),
    StartLimitBurst: limit('burst', toUnsigned),
    RemainAfterExit: set('remainAfterExit', toBoolean),
    SuccessExitStatus: exits('successExitStatus'),
    RestartPreventExitStatus: exits('restartPreventExitStatus'),
    RestartForceExitStatus: exits('restartForceExitStatus'),
    KillMode: set('killMode', toWord(KILL_MODES)),
    KillSignal: set('killSignal', toSignal),
    RestartKillSignal: set('restartKillSignal', toSignal),
    FinalKillSignal: set('finalKillSignal', toSignal),
    WatchdogSignal: set('watchdogSignal', toSignal),
    ReloadSignal: set('reloadSignal', toSignal),
    SendSIGHUP: set('sendSighup', toBoolean),
    SendSIGKILL: set('sendSigkill', toBoolean),
  },
};

/** WatchdogSec=infinity means none, as 0 does. */
function toWatchdog(value: string): number {
  const timeout = toMilliseconds(value);
  return timeout === Number.POSITIVE_INFINITY ? 0 : timeout;
}

/** Which part of an applied setting has no effect here, as a sentence; undefined when all of it has. */
export function leftOut(key: string, value: string): string | undefined {
  if (key === 'Type' && value === 'idle') return 'it is run as Type=simple';
  const prefixes = Object.hasOwn(COMMANDS, key) ? ignoredPrefixes(value) : '';
  return prefixes === '' ? undefined : `the prefix ${prefixes} is not applied here`;
}
