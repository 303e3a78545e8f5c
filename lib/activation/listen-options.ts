// The options of listen(), and the checks of its arguments.
import type { BindOptions } from 'node:dgram';
import type { ListenOptions } from 'node:net';
import type { OptionNames } from '../base/options.ts';
import {
  invalidType,
  invalidValue,
  validateInteger,
  validateOptionalString,
  validateOptions,
} from '../base/validate.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { LARGEST_BACKLOG } from './backlog.ts';
import { kindOf, type ServerKind } from './server-kinds/index.ts';

/** Where a server of `libsystemd/unix` listens when no socket was passed for it. */
export interface UnixFallback {
  /** The path of the socket's file, of at most 107 bytes. */
  readonly path: string;
  /** The permissions of the file. Default: what the umask of the process leaves of 0o777. */
  readonly mode?: number | undefined;
}

/** The options of {@link listen}. */
export interface ListenFdOptions {
  /**
   * The name of the sockets (FileDescriptorName= of the socket unit). Default: the only name among the
   * sockets that suit the server and have no other server in this process.
   */
  readonly name?: string | undefined;
  /** One of `listenFds()`, picked by the program. Default: all sockets of the name. */
  readonly descriptor?: InheritedDescriptor | undefined;
  /**
   * Where to listen when no socket was passed for the server: the first argument of `server.listen()` or
   * `socket.bind()`, which is a port, a path or options; for a server of `libsystemd/unix` a path, or `{ path, mode }`.
   * A path that a dead process has left behind is unlinked first, and one of more than 107 bytes is refused. Default:
   * none, and `listen()` rejects.
   */
  readonly fallback?: ListenOptions | BindOptions | UnixFallback | number | string | undefined;
  /**
   * How many connections may wait to be accepted. A datagram socket ignores it. An inherited socket keeps
   * the backlog of its unit (Backlog=) if that is larger. Default: the backlog of the unit; for the fallback
   * 511, as in Node.
   */
  readonly backlog?: number | undefined;
}

/** The names of the options, for takeOptions(). */
export const LISTEN_OPTIONS: OptionNames<ListenFdOptions> = {
  name: true,
  descriptor: true,
  fallback: true,
  backlog: true,
};

/** The names of the arguments in errors: `servers[1].server` when the caller has a list. */
export interface ArgumentNames {
  readonly server: string;
  readonly options: string;
}

export const ARGUMENT_NAMES: ArgumentNames = { server: 'server', options: 'options' };

function validateFallback(kind: ServerKind, fallback: unknown, name: string): void {
  const isOptions = typeof fallback === 'object' && fallback !== null;
  if (!isOptions && typeof fallback !== 'number' && typeof fallback !== 'string') {
    throw invalidType(name, 'of type object, number or string', fallback);
  }
  kind.validateFallback(fallback, name);
}

function validateDescriptor({ name, descriptor }: ListenFdOptions, optionsName: string): void {
  const { fd } = (descriptor ?? {}) as { readonly fd?: unknown };
  if (typeof fd !== 'number') {
    throw invalidType(`${optionsName}.descriptor`, 'a descriptor, one of listenFds()', descriptor);
  }
  if (name === undefined) return;
  throw invalidValue(
    `${optionsName}.name`,
    'left out beside a descriptor, which has its own name',
    name,
  );
}

/** Throws unless the options suit this kind of server. `optionsName` is the name of the options in errors. */
export function validateListenOptions(
  kind: ServerKind,
  options: ListenFdOptions,
  optionsName: string,
) {
  validateOptions(options);
  validateOptionalString(`${optionsName}.name`, options.name);
  if (options.descriptor !== undefined) validateDescriptor(options, optionsName);
  if (options.fallback !== undefined)
    validateFallback(kind, options.fallback, `${optionsName}.fallback`);
  if (options.backlog !== undefined) {
    validateInteger(`${optionsName}.backlog`, options.backlog, 0, LARGEST_BACKLOG);
  }
}

/** The kind of a server. Throws for any other value; `name` is the name of the value in the error. */
export function validateServer(server: unknown, name: string): ServerKind {
  const kind = kindOf(server);
  if (kind !== undefined) return kind;
  throw invalidType(
    name,
    'a server of net, http, https, http2 or tls, a socket of dgram, or a server of libsystemd/unix; for a framework, the server ' +
      'that createServer(app) makes',
    server,
  );
}
