// The processes of services under test, which do what a script tells them (puppet.py).
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What a puppet says of itself. */
interface Hello {
  readonly unit: string;
  readonly role: string;
  readonly pid: number;
  /** The names and kinds of the descriptors that it got. */
  readonly names: readonly string[];
  readonly kinds: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The milliseconds until a puppet has to be there. */
const PATIENCE = 20_000;

export class Puppet {
  readonly hello: Hello;
  readonly #socket: Socket;
  readonly #answers: ((answer: unknown) => void)[] = [];
  readonly gone: Promise<unknown>;
  isGone = false;

  constructor(socket: Socket, hello: Hello) {
    this.#socket = socket;
    this.hello = hello;
    // Not by once() of node:events, which rejects when the process was killed meanwhile.
    this.gone = new Promise<void>((resolve) => socket.once('close', resolve)).then(() => {
      this.isGone = true;
      for (const answer of this.#answers.splice(0)) answer(undefined);
    });
  }

  answered(answer: unknown): void {
    this.#answers.shift()?.(answer);
  }

  /** Executes a command. Returns its answer, or undefined when the process has ended by it. */
  async command(...words: readonly string[]): Promise<unknown> {
    if (this.isGone) return undefined;
    this.#socket.write(`${JSON.stringify(words)}\n`);
    return await new Promise((resolve) => this.#answers.push(resolve));
  }

  end(): void {
    this.#socket.destroy();
  }
}

/** The puppets of many services, which all connect to one socket. */
export class Puppets {
  readonly #server: Server;
  readonly #puppets: Puppet[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      let puppet: Puppet | undefined;
      const gone = () => {}; // a process that was killed
      socket.on('error', gone);
      const lines = createInterface(socket);
      lines.on('error', gone);
      lines.on('line', (line) => {
        if (puppet) return puppet.answered(JSON.parse(line));
        puppet = new Puppet(socket, JSON.parse(line));
        this.#puppets.push(puppet);
        for (const wake of this.#waiting) wake();
      });
    });
  }

  static async listen(path: string): Promise<Puppets> {
    const server = createServer();
    server.listen(path);
    await once(server, 'listening');
    return new Puppets(server);
  }

  /** The puppets of a role that a service has had, the oldest first. */
  of(unit: string, role: string): readonly Puppet[] {
    return this.#puppets.filter(({ hello }) => hello.unit === unit && hello.role === role);
  }

  /** The pids of all processes that a service has had. */
  pidsOf(unit: string): readonly number[] {
    return this.#puppets.filter(({ hello }) => hello.unit === unit).map(({ hello }) => hello.pid);
  }

  /** Waits for the puppet with this index. */
  async wait(unit: string, role: string, index: number): Promise<Puppet> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const puppet = this.of(unit, role)[index];
      if (puppet) return puppet;
      if (Date.now() > deadline) throw new Error(`${unit} has no process ${role} #${index + 1}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, 1000);
        this.#waiting.add(wake);
      });
    }
  }

  close(): void {
    for (const puppet of this.#puppets) puppet.end();
    this.#server.close();
  }
}
