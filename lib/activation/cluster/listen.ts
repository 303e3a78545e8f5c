// Makes a server listen in a cluster worker: on a descriptor that Node's primary opens, or on a descriptor of the
// worker itself, of which the worker then informs Node's primary.
import { SystemdError } from '../../base/errors.ts';
import { cluster } from '../../base/lazy-builtins.ts';
import { formatDescriptor } from '../../descriptor/format.ts';
import type { InheritedDescriptor } from '../../descriptor/inspect.ts';
import { whenHandleCloses } from '../../descriptor/node-handles.ts';
import type { AnyServer, ServerKind } from '../server-kinds/index.ts';
import { closeStdinAtExit, STDIN } from '../stdin.ts';
import { stillListens, untilListening } from '../until-listening.ts';

/** Node's primary reports every failure to open a descriptor as EINVAL, so the error lists the possible reasons. */
function explainRefusal(descriptor: InheritedDescriptor, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'EINVAL') return error;
  return new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `The cluster's primary could not open its ${formatDescriptor(descriptor)} (${message}): other code of the primary has closed the descriptor, fdStore.take() has taken it there, or no descriptor is left for a copy`,
    { fd: descriptor.fd },
    { cause: error },
  );
}

/**
 * Resolves with the handle once the server listens on a descriptor of the primary. Node takes the number as
 * the primary's, and makes the copies itself.
 */
export async function listenByPrimary(
  kind: ServerKind,
  server: AnyServer,
  descriptor: InheritedDescriptor,
  backlog: number,
): Promise<unknown> {
  const { fd } = descriptor;
  const start = () => kind.open(server, { fd, backlog, bypassesPrimary: false });
  try {
    return await untilListening(kind, server, start, () => kind.handle(server));
  } catch (error) {
    throw explainRefusal(descriptor, error);
  }
}

/**
 * Informs Node's primary that a server listens on a descriptor of the worker itself, by the message that Node sends for
 * its own servers. Closes the server when the primary disconnects the worker, as Node does with its own servers.
 */
export function informPrimary(
  kind: ServerKind,
  server: AnyServer,
  handle: unknown,
  fd: number,
  port: number | undefined,
): void {
  if (fd === STDIN) closeStdinAtExit();
  const address = { addressType: null, address: null, fd, port };
  const message = { cmd: 'NODE_CLUSTER', act: 'listening', ...address };
  process.send?.(message, undefined, undefined, () => {});
  if (!stillListens(kind, server, handle)) return;
  const { worker } = cluster();
  const close = () => {
    if (kind.isListening(server)) kind.close(server);
  };
  worker?.once('disconnect', close);
  whenHandleCloses(server, () => worker?.off('disconnect', close));
}
