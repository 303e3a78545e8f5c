// unavailable(): whether units can be started on this machine.
import { nativeSockets } from '../addon/sockets.ts';
import { messageOf } from '../base/warn.ts';

/**
 * Tells why units can't be started on this machine, for the `skip` of a test.
 *
 * - undefined: they can.
 * - a reason, as one line: this is no Linux, or the add-on can't be loaded.
 *
 * ```ts
 * test('serves', { skip: unavailable() }, async () => { … });        // node:test
 * test.skipIf(unavailable())('serves', async () => { … });           // vitest
 * ```
 *
 * @returns the reason, or undefined
 */
export function unavailable(): string | undefined {
  try {
    nativeSockets();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
