// An option that is undefined counts as left out, and compiles under `exactOptionalPropertyTypes` too.
import type {
  BarrierOptions,
  ListenFdOptions,
  MemoryPressureOptions,
  NotifyState,
  SendOptions,
  ServedServer,
  ServeOptions,
  StoreOptions,
  UnixFallback,
  WatchdogOptions,
  WorkersOptions,
} from 'libsystemd';
import type { DiagnoseOptions } from 'libsystemd/doctor';
import type {
  CredentialTextOptions,
  DirectoryOptions,
  UnitOfOptions,
} from 'libsystemd/environment';
import type {
  FlushOptions,
  JournalConsoleOptions,
  JournalEntry,
  JournalOptions,
  ReadJournalOptions,
} from 'libsystemd/journal';
import type { JournalDestinationOptions } from 'libsystemd/pino';
import type { Unit, UnitCondition, UnitOptions } from 'libsystemd/testing';
import type {
  BindOptions,
  UnixListenOptions,
  SendOptions as UnixSendOptions,
  UnixSeqpacketOptions,
  UnixSocketOptions,
} from 'libsystemd/unix';
import type { JournalTransportOptions } from 'libsystemd/winston';
import { expectTypeOf, test } from 'vitest';

type OptionalKeys<Options> = {
  [Name in keyof Options]-?: Record<never, never> extends Pick<Options, Name> ? Name : never;
}[keyof Options];

/** The names of the options that may be left out, and may not be undefined. */
type Refused<Options> = {
  [Name in OptionalKeys<Options>]: Record<Name, undefined> extends Pick<Options, Name>
    ? never
    : Name;
}[OptionalKeys<Options>];

/** All objects of options, and others that the caller writes. */
interface Written {
  barrier: BarrierOptions;
  bind: BindOptions;
  credentialText: CredentialTextOptions;
  diagnose: DiagnoseOptions;
  directory: DirectoryOptions;
  flush: FlushOptions;
  journal: JournalOptions;
  journalConsole: JournalConsoleOptions;
  journalDestination: JournalDestinationOptions;
  journalEntry: JournalEntry;
  journalTransport: JournalTransportOptions;
  listen: ListenFdOptions;
  memoryPressure: MemoryPressureOptions;
  notifySend: SendOptions;
  notifyState: NotifyState;
  readJournal: ReadJournalOptions;
  serve: ServeOptions;
  server: ServedServer;
  store: StoreOptions;
  unit: UnitOptions;
  unitCondition: UnitCondition;
  unitOf: UnitOfOptions;
  unixFallback: UnixFallback;
  unixListen: UnixListenOptions;
  unixSend: UnixSendOptions;
  unixSeqpacket: UnixSeqpacketOptions;
  unixSocket: UnixSocketOptions;
  until: NonNullable<Parameters<Unit['until']>[1]>;
  watchdog: WatchdogOptions;
  workers: WorkersOptions;
}

test('every option may be undefined', () => {
  expectTypeOf<{ [Name in keyof Written]: Refused<Written[Name]> }[keyof Written]>().toBeNever();
});

test('an interface whose option may not be undefined is found', () => {
  expectTypeOf<
    Refused<{ readonly a?: string; readonly b?: string | undefined }>
  >().toEqualTypeOf<'a'>();
});

test('env of a tested program takes process.env, and variables that are not set', () => {
  expectTypeOf<{ readonly env: NodeJS.ProcessEnv }>().toExtend<UnitOptions>();
});
