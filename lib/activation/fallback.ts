// Makes a server listen on its fallback, because no socket was passed for it.
import { propertyOf } from '../base/options.ts';
import { unlinkStale } from '../descriptor/stale-path.ts';
import type { ListenFdOptions } from './listen-options.ts';
import type { AnyServer, ServerKind } from './server-kinds/index.ts';
import { type Listening, untilListening } from './until-listening.ts';

/** The path that Node will bind to; undefined when the fallback has a port or a descriptor, which Node prefers. */
function pathOf(fallback: ListenFdOptions['fallback']): string | undefined {
  if (typeof fallback === 'object') {
    const hasPort = Object.hasOwn(fallback, 'port') || propertyOf(fallback, 'port') !== undefined;
    const isElsewhere = hasPort || propertyOf(fallback, 'fd') !== undefined;
    return isElsewhere ? undefined : pathOf(propertyOf(fallback, 'path') as string | undefined);
  }
  return typeof fallback === 'string' && !/^(\d+$|\0)/.test(fallback) ? fallback : undefined;
}

/** Resolves once the server listens on its fallback; rejects as {@link untilListening}. */
export async function listenOnFallback(
  kind: ServerKind,
  server: AnyServer,
  { fallback, backlog }: ListenFdOptions,
): Promise<Listening> {
  const path = pathOf(fallback);
  // Before Node tries to bind, because a failure would emit 'error' to the program's listeners, and because a cluster
  // primary gives the result of the first try to all its workers.
  if (path !== undefined) unlinkStale(path);
  const start = () => kind.openFallback(server, fallback as object, backlog);
  const read = () => {
    try {
      return { addresses: [kind.address(server)], handle: kind.handle(server) };
    } catch (error) {
      kind.close(server);
      throw error;
    }
  };
  return await untilListening(kind, server, start, read);
}
