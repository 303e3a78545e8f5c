// Sockets of dgram: UDP over IPv4 or IPv6.
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
    wanted: `an unconnected dgram socket of family ${family} for a ${type} socket (ListenDatagram=)`,
    suits: (descriptor) => isUdp(descriptor, family),
    takesSeveral: false,

    /** Node's dgram would ignore a path, and bind any port. */
    validateFallback(fallback: Fallback, name: string) {
      const isPath =
        typeof fallback === 'object'
          ? propertyOf(fallback, 'path') !== undefined
          : !/^\d+$/.test(`${fallback}`);
      if (isPath) throw invalidValue(name, 'a port or options of bind()', fallback);
    },

    open(socket, { fd, apart }) {
      socket.bind({ fd, exclusive: apart });
    },

    openFallback(socket, fallback) {
      socket.bind(fallback as BindOptions);
    },

    attempt() {},
    isOpen: (socket) => handleFd(socket) !== undefined,
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

/** dgram keeps a socket's type to itself in types, but has always had it as a property. */
export function kindOfSocket(socket: Socket): ServerKind<Socket> {
  return KINDS[(socket as unknown as { type: 'udp4' | 'udp6' }).type];
}
