// The text of STATUS=, which `systemctl status` shows.

import { formatCount } from '../base/format-count.ts';
import { warnOfHook } from '../base/hooks.ts';
import { invalidResult } from '../base/validate.ts';
import { messageOf } from '../base/warn.ts';
import { formatAddress } from '../descriptor/format.ts';
import type { ServeOptions } from './options.ts';
import type { Service } from './service.ts';

/** Milliseconds between two calls of the status hook. */
export const STATUS_INTERVAL = 1_000;

export class StatusText {
  /** Why the service stops; undefined while it does not. */
  stopReason: string | undefined;
  /** The message of the error of the last reload; undefined when it succeeded. */
  reloadFailure: string | undefined;
  readonly #service: Pick<Service, 'connections' | 'addresses'>;
  readonly #hook: ServeOptions['status'];
  #lastHookFailure: string | undefined;

  constructor(service: Pick<Service, 'connections' | 'addresses'>, hook: ServeOptions['status']) {
    this.#service = service;
    this.#hook = hook;
  }

  /** Makes the text for the present state. */
  make(): string {
    const text = this.#callHook() ?? this.#defaultText();
    return this.reloadFailure === undefined
      ? text
      : `${text} (reload failed: ${this.reloadFailure})`;
  }

  #defaultText(): string {
    const { connections, addresses } = this.#service;
    if (this.stopReason === undefined)
      return `Serving on ${addresses.map(formatAddress).join(', ')}`;
    const left = connections > 0 ? `, ${formatCount(connections, 'connection')} left` : '';
    return `Stopping: ${this.stopReason}${left}`;
  }

  /**
   * The text of the status hook; undefined when there is no hook, or when it failed. Warns once of the same failure.
   */
  #callHook(): string | undefined {
    if (this.#hook === undefined) return undefined;
    try {
      const text: unknown = this.#hook(this.#service);
      if (typeof text === 'string') return text;
      // The warning below is enough for a hook that returns a promise: its rejection must not end the process.
      Promise.resolve(text).catch(() => {});
      throw invalidResult('options.status()', 'a string', text);
    } catch (error) {
      if (messageOf(error) !== this.#lastHookFailure) warnOfHook('The status hook', error);
      this.#lastHookFailure = messageOf(error);
      return undefined;
    }
  }
}
