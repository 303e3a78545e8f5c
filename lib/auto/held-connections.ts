// HeldConnections: lets clients wait until the program is ready. Some programs listen before they can answer, and would
// answer the first clients of a start with an error.
import type { Server, Socket } from 'node:net';
import { replaceMethod } from '../base/replace-method.ts';

interface HeldServer {
  readonly sockets: Socket[];
  /** Gives a connection to the server. */
  readonly pass: (socket: Socket) => void;
  /** Lets the server accept as before. */
  readonly restore: () => void;
}

/** Undoes what `pauseOnConnect` has done, so that the socket is as Node gives it to a server. */
function unpause(socket: Socket): void {
  Reflect.set(socket, 'readableFlowing', null);
  socket.read(0);
}

export class HeldConnections {
  readonly #servers = new Map<Server, HeldServer>();
  /** The local ports of the requests that ask whether the program answers. */
  readonly #ownPorts = new Set<number>();
  #isReleased = false;

  /** From now on the connections of this server wait for {@link release}. */
  hold(server: Server & { pauseOnConnect?: boolean }): void {
    if (this.#isReleased || this.#servers.has(server)) return;
    const sockets: Socket[] = [];
    const { emit, pauseOnConnect = false } = server;
    const pass = (socket: Socket) => {
      unpause(socket);
      Reflect.apply(emit, server, ['connection', socket]);
    };
    const hold = (event: string | symbol, ...args: unknown[]) => {
      if (event !== 'connection') return Reflect.apply(emit, server, [event, ...args]) as boolean;
      sockets.push(args[0] as Socket);
      this.#admitOwn();
      return true;
    };
    const restoreEmit = replaceMethod(server, 'emit', hold);
    server.pauseOnConnect = true;
    const restore = () => {
      restoreEmit();
      server.pauseOnConnect = pauseOnConnect;
    };
    this.#servers.set(server, { sockets, pass, restore });
  }

  /** Lets the connection from this port of this process through. */
  admit(port: number): void {
    this.#ownPorts.add(port);
    this.#admitOwn();
  }

  #admitOwn(): void {
    for (const { sockets, pass } of this.#servers.values()) {
      const isOwn = ({ remotePort = -1 }: Socket) => this.#ownPorts.has(remotePort);
      for (const socket of sockets.filter(isOwn)) {
        sockets.splice(sockets.indexOf(socket), 1);
        pass(socket);
      }
    }
  }

  /** Gives the servers their connections, and holds none from now on. */
  release(): void {
    this.#isReleased = true;
    const servers = [...this.#servers.values()];
    this.#servers.clear();
    for (const { sockets, pass, restore } of servers) {
      restore();
      for (const socket of sockets) pass(socket);
    }
  }
}
