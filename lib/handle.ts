// The descriptors of Node's own servers and sockets, which it keeps in handles.
import { dgram } from './builtin.ts';

/** dgram has its handle in a state; `socket._handle` is deprecated, and says so (DEP0112). */
function dgramHandle(socket: object): unknown {
  const symbols = Object.getOwnPropertySymbols(socket);
  const key = symbols.find(({ description }) => description === 'state symbol');
  const state = key && (socket as Record<symbol, { readonly handle?: unknown } | undefined>)[key];
  return state?.handle;
}

function handleOf(value: object): unknown {
  if (value instanceof dgram().Socket) return dgramHandle(value);
  return '_handle' in value ? value._handle : undefined;
}

/** The descriptor of an open server or socket of net or dgram; undefined when it has none. */
export function handleFd(value: object): number | undefined {
  const fd = (handleOf(value) as { readonly fd?: unknown } | null | undefined)?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}
