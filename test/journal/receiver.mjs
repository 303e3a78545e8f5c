// The receiver of programs/receiver.py, for a program that runs in a private /run (private-run.ts).
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseEntry } from './parse-entry.mjs';

export class Receiver {
  #child = spawn('python3', ['test/journal/programs/receiver.py'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();

  /** Starts a receiver, and waits until it has the address. */
  static async start() {
    const receiver = new Receiver();
    await receiver.#answer();
    return receiver;
  }

  async #answer() {
    const { value } = await this.#lines.next();
    return JSON.parse(value);
  }

  /** Gives a command that has no entries to return: close, bind, remove. */
  async tell(command) {
    this.#child.stdin.write(`${command}\n`);
    return await this.#answer();
  }

  /** The entries that are there, or with `count` as many: their fields, and the seals of their memory file. */
  async take(count) {
    const taken = await this.tell(count === undefined ? 'take' : `wait ${count}`);
    return taken.map(({ entry, seals }) => ({
      fields: parseEntry(Buffer.from(entry, 'hex')),
      ...(seals !== undefined && { seals }),
    }));
  }

  /** The same, each entry as an object. A field that is there twice has its last value. */
  async objects(count) {
    return (await this.take(count)).map(({ fields }) => Object.fromEntries(fields));
  }

  /** The same, one list of the values of a field. */
  async values(name, count) {
    const entries = await this.take(count);
    return entries.map(({ fields }) => fields.find(([field]) => field === name)?.[1]);
  }

  /** The process, for signals. */
  get pid() {
    return this.#child.pid;
  }

  /** Lets the program end without the receiver, which then ends too. */
  unref() {
    for (const one of [this.#child, this.#child.stdin, this.#child.stdout]) one.unref();
  }

  async end() {
    this.#child.stdin.end();
    await new Promise((resolve) => this.#child.once('exit', resolve));
  }
}
