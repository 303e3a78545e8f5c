// A program with import syntax that TypeScript compiles to CommonJS: always before TypeScript 5.8, and with module: commonjs.
import { createServer } from 'node:http';
import { type InheritedDescriptor, listenFd, notify, SystemdError, serve } from 'libsystemd';
import { diagnose } from 'libsystemd/doctor';
import { credentials } from 'libsystemd/environment';
import { journal } from 'libsystemd/journal';
import { journalDestination } from 'libsystemd/pino';
import * as sd from 'libsystemd/sd';
import { start } from 'libsystemd/testing';
import { UnixDatagram } from 'libsystemd/unix';
import { JournalTransport } from 'libsystemd/winston';

const first: InheritedDescriptor | undefined = listenFd();
const isListening: boolean = sd.sd_is_socket(3, sd.AF_UNIX, sd.SOCK_STREAM, 1);
serve(createServer(), { fallback: { port: 0 } }).catch((error: unknown) => {
  if (error instanceof SystemdError) console.error(error.code, first, isListening);
});

// @ts-expect-error: the types are those of the package, and not any
notify.status(42);
// @ts-expect-error: the same, of another entry
credentials.read(42);
// @ts-expect-error: the same
diagnose(42);
// @ts-expect-error: the same
journal.send(42);
// @ts-expect-error: the same
journalDestination(42);
// @ts-expect-error: the same
new JournalTransport(42);
// @ts-expect-error: the same
start(42);
// @ts-expect-error: the same
new UnixDatagram(42);
