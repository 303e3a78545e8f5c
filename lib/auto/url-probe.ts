// UrlProbe: asks a URL of the program until the program answers with success.
import type { ClientRequest } from 'node:http';
import { http } from '../base/lazy-builtins.ts';

/** Milliseconds between two requests. */
const INTERVAL = 100;

/** Milliseconds that the program has for one answer. */
const TIMEOUT = 10_000;

const pause = () => new Promise((resolve) => setTimeout(resolve, INTERVAL).unref());

export class UrlProbe {
  readonly #url: URL;
  readonly #onConnect: (port: number) => void;
  #request: ClientRequest | undefined;
  #isEnded = false;

  /** @param onConnect - called with the local port of each request */
  constructor(url: URL, onConnect: (port: number) => void) {
    this.#url = url;
    this.#onConnect = onConnect;
  }

  /** Resolves when the URL is answered with a status below 400, or after {@link end}. */
  async untilAnswered(): Promise<void> {
    while (!this.#isEnded && !(await this.#isAnswered())) await pause();
  }

  /** Ends the request under way, which would keep the process alive, and sends no further one. */
  end(): void {
    this.#isEnded = true;
    this.#request?.destroy();
  }

  #isAnswered(): Promise<boolean> {
    return new Promise((resolve) => {
      const options = { agent: false, timeout: TIMEOUT };
      const request = http().get(this.#url, options, (response) => {
        response.resume();
        resolve((response.statusCode ?? 500) < 400);
      });
      this.#request = request;
      request.on('socket', (socket) => {
        socket.once('connect', () => this.#onConnect(socket.localPort ?? -1));
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(false));
      request.on('close', () => resolve(false));
    });
  }
}
