// Client: a connection to a server of a test, which writes and reads by hand.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Reachable } from './service.ts';

/** A client that keeps what it has received, and knows when its connection has closed. */
export class Client implements Disposable {
  readonly socket: Socket;
  received = '';
  /** The end of `received` that until() has not searched yet: to search 8 MB for each chunk would take seconds. */
  #unsearched = '';
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.received += text;
      this.#unsearched += text;
    });
    // A reset is an end too. The tests judge it by what was received before.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async connect(to: Reachable): Promise<Client> {
    const socket = connect(to);
    await once(socket, 'connect');
    return new Client(socket);
  }

  /** Connects with TLS, and chooses HTTP/1.1 by ALPN. */
  static async connectTls(to: Reachable): Promise<Client> {
    const options = { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] };
    const socket = connectTls({ ...to, ...options });
    await once(socket, 'secureConnect');
    return new Client(socket);
  }

  /** Sends an HTTP/1.1 request that keeps the connection alive. */
  get(path: string): void {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
  }

  /** Waits for this text, and removes from `received` everything up to its end. Returns what it has removed. */
  async until(wanted: string): Promise<string> {
    this.#unsearched = this.received;
    while (!this.#unsearched.includes(wanted)) {
      this.#unsearched = this.#unsearched.slice(-wanted.length);
      const closed = await Promise.race([
        once(this.socket, 'data').then(() => false),
        this.closed.then(() => true),
      ]);
      if (closed && !this.#unsearched.includes(wanted)) {
        throw new Error(`Closed before ${wanted}: ${JSON.stringify(this.received)}`);
      }
    }
    const end = this.received.indexOf(wanted) + wanted.length;
    const taken = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return taken;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
