// Sockets of dgram, one kind for udp4 and one for udp6.
import type { BindOptions, Socket } from 'node:dgram';
import { propertyOf } from '../../base/options.ts';
import { invalidValue } from '../../base/validate.ts';
import { handleFd, handleOf } from '../../descriptor/node-handles.ts';
import { isUdp } from '../../descriptor/predicates.ts';
import { DatagramTraffic } from '../../traffic/datagrams.ts';
import type { Fallback, ServerKind } from './kind.ts';
import { addressBy } from './net.ts';

function kindOfType(type: 'udp4' | 'udp6'): ServerKind<Socket> {
  const family = type === 'udp6' ? 'inet6' : 'inet';
  return {
    id: type,
    expected: `an unconnected dgram socket of family ${family} for a ${type} socket (ListenDatagram=)`,
    suits: (descriptor) => isUdp(descriptor, family),
    takesSeveral: false,
    opensByItself: false,

    /** Node's dgram ignores a path, and would bind to any port. */
    validateFallback(fallback: Fallback, name: string) {
      const isPath =
        typeof fallback === 'object'
          ? propertyOf(fallback, 'path') !== undefined
          : !/^\d+$/.test(`${fallback}`);
      if (isPath) throw invalidValue(name, 'a port or the options of bind()', fallback);
    },

    open(socket, { fd, bypassesPrimary }) {
      socket.bind({ fd, exclusive: bypassesPrimary });
    },

    openFallback(socket, fallback) {
      socket.bind(fallback as BindOptions);
    },

    listenCount() {},
    isListening: (socket) => handleFd(socket) !== undefined,
    handle: handleOf,

    fds(socket) {
      const fd = handleFd(socket);
      return fd === undefined ? [] : [fd];
    },

    address: (socket) => addressBy(socket.address(), handleFd(socket)),

    close(socket) {
      socket.close();
    },

    watch: (socket, onActivity) => new DatagramTraffic(socket, onActivity),
  };
}

const KINDS = { udp4: kindOfType('udp4'), udp6: kindOfType('udp6') };

/** Node's types leave out `type`, which every socket of dgram has. */
export function kindOfSocket(socket: Socket): ServerKind<Socket> {
  return KINDS[(socket as unknown as { type: 'udp4' | 'udp6' }).type];
}
