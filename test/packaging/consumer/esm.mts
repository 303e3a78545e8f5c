import { createServer } from 'node:http';
import {
  type Descriptor,
  inspect,
  listen,
  listenFds,
  type NotifyState,
  notify,
  SystemdError,
  watchdog,
} from 'libsystemd';
import * as sd from 'libsystemd/sd';

const server = createServer();
await listen(server, { name: 'http', fallback: { port: 0 } });

const state: NotifyState = { ready: true, status: 'Serving', X_LEVEL: 3 };
export const sent: boolean = notify.send(state);
export const names: (string | undefined)[] = listenFds().map(({ name }) => name);
export const usec: bigint = sd.sd_watchdog_enabled();

export function describe(descriptor: Descriptor): string {
  return descriptor.kind === 'socket'
    ? String(descriptor.family)
    : (descriptor.path ?? descriptor.kind);
}

try {
  describe(inspect(3));
} catch (error) {
  if (error instanceof SystemdError) console.error(error.code, error.errno);
}

// @ts-expect-error: the types are those of the package, and not any
watchdog.start({ interval: '1s' });
