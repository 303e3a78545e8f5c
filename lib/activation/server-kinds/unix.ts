// The kinds of the servers of libsystemd/unix: datagram sockets, and servers of seqpacket connections.
import { type OptionNames, propertyOf, takeOptions } from '../../base/options.ts';
import { invalidValue, validateInteger } from '../../base/validate.ts';
import type { Descriptor } from '../../descriptor/inspect.ts';
import { isSeqpacket, isUnixReceiver } from '../../descriptor/predicates.ts';
import {
  type UnixServer,
  type UnixServerParts,
  unixServerParts,
} from '../../descriptor/unix-server.ts';
import type { Traffic } from '../../traffic/traffic.ts';
import { UnixDatagramTraffic, UnixSeqpacketTraffic } from '../../traffic/unix.ts';
import { encodeName } from '../../unix/address.ts';
import type { Fallback, ServerKind } from './kind.ts';

const partsOf = (server: UnixServer) => unixServerParts(server) as UnixServerParts;

/** The path of a fallback; undefined for a port and for options without a path. */
function pathOf(fallback: Fallback): string | undefined {
  const path = typeof fallback === 'object' ? propertyOf(fallback, 'path') : fallback;
  return typeof path === 'string' && !/^\d+$/.test(path) ? path : undefined;
}

/** The names of the options, for takeOptions(). */
const FALLBACK: OptionNames<{ path?: unknown; mode?: unknown }> = { path: true, mode: true };

interface Differences {
  readonly id: string;
  readonly expected: string;
  suits(descriptor: Descriptor): boolean;
  watch(server: UnixServer, onActivity: () => void): Traffic;
}

const kindOf = (differences: Differences): ServerKind<UnixServer> => ({
  ...differences,
  takesSeveral: false,
  opensByItself: true,

  validateFallback(fallback, name) {
    const path = pathOf(fallback);
    if (path === undefined) throw invalidValue(name, 'a path, or { path, mode }', fallback);
    const isOptions = typeof fallback === 'object';
    encodeName(isOptions ? `${name}.path` : name, path);
    if (!isOptions) return;
    const { mode } = takeOptions<{ mode?: unknown }>(fallback, FALLBACK, 'such a fallback', name);
    if (mode !== undefined) validateInteger(`${name}.mode`, mode, 0, 0o7777);
  },

  open(server, { fd }) {
    partsOf(server).take(fd);
  },

  openFallback(server, fallback, backlog) {
    const mode = typeof fallback === 'object' ? propertyOf(fallback, 'mode') : undefined;
    partsOf(server).listen(pathOf(fallback) as string, {
      ...(mode !== undefined && { mode: mode as number }),
      ...(backlog !== undefined && { backlog }),
    });
  },

  listenCount() {},
  isListening: (server) => server.fd !== undefined,
  // A closed one is never opened again.
  handle: (server) => (server.fd === undefined ? undefined : server),
  fds: ({ fd }) => (fd === undefined ? [] : [fd]),
  address: (server) => server.address(),

  close(server) {
    void server.close();
  },
});

const KINDS = {
  datagram: kindOf({
    id: 'unix datagram',
    expected: 'an unconnected Unix datagram socket for a UnixDatagram (ListenDatagram=/path)',
    suits: isUnixReceiver,
    watch: (server, onActivity) => new UnixDatagramTraffic(server, partsOf(server), onActivity),
  }),
  seqpacket: kindOf({
    id: 'unix seqpacket',
    expected:
      'a listening Unix seqpacket socket for a UnixSeqpacketServer (ListenSequentialPacket=)',
    suits: (descriptor) => isSeqpacket(descriptor, true),
    watch: (server, onActivity) => new UnixSeqpacketTraffic(server, partsOf(server), onActivity),
  }),
};

export const kindOfUnixServer = ({ kind }: UnixServerParts): ServerKind<UnixServer> => KINDS[kind];
