// The entry of `import 'libsystemd'`: its exports load the package at their first use, so that a program that imports
// the package and is not run by systemd pays nearly nothing. `require('libsystemd')` loads lib/index.ts at once.
import { loadChunksSoon, setLoadAll } from './addon/chunks.ts';
import { requireFile } from './addon/dist-files.ts';
import type * as Index from './index.ts';

type Package = typeof Index;
type Name = Exclude<keyof Package, 'SystemdError'>;
type AnyFunction = (...args: unknown[]) => unknown;

/** What the build adds for this file: the other parts load through this function. */
interface Loaded extends Package {
  readonly internals: { loadChunks(): void };
}

let loaded: Loaded | undefined;

function load(): Loaded {
  if (loaded === undefined) {
    loaded = requireFile('./index.js') as Loaded;
    loadChunksSoon();
  }
  return loaded;
}

/** A function of this name that calls the function that `find` returns. */
function defer(name: string, find: () => unknown): AnyFunction {
  const functions = { [name]: (...args: unknown[]) => (find() as AnyFunction)(...args) };
  return functions[name] as AnyFunction;
}

function deferFunction<Key extends Name>(name: Key): Package[Key] {
  return defer(name, () => load()[name]) as unknown as Package[Key];
}

/** An object whose methods are these methods of an object of the package. */
function deferMethods<Key extends Name, Method extends string & keyof Package[Key]>(
  name: Key,
  methods: readonly Method[],
): Package[Key] {
  const entries = methods.map((method) => [method, defer(method, () => load()[name][method])]);
  return Object.fromEntries(entries);
}

export { SystemdError } from './base/errors.ts';

export const acceptQueue = deferFunction('acceptQueue');
export const booted = deferFunction('booted');
export const connection = deferFunction('connection');
export const formatAddress = deferFunction('formatAddress');
export const inspect = deferFunction('inspect');
export const listen = deferFunction('listen');
export const listenFd = deferFunction('listenFd');
export const listenFds = deferFunction('listenFds');
export const onMemoryPressure = deferFunction('onMemoryPressure');
export const peerCredentials = deferFunction('peerCredentials');
export const serve = deferFunction('serve');

export const notify = deferMethods('notify', [
  'send',
  'ready',
  'reloading',
  'stopping',
  'status',
  'extendTimeout',
  'barrier',
  'unsetEnvironment',
]);

export const watchdog = deferMethods('watchdog', ['timeout', 'start', 'ping', 'trigger']);

export const fdStore = Object.defineProperty(
  deferMethods('fdStore', ['add', 'remove', 'take', 'save', 'load']),
  'limit',
  { enumerable: true, configurable: true, get: () => load().fdStore.limit },
);

// A service may use the package for the first time when no descriptor is left, or when its files are gone.
setLoadAll(() => load().internals.loadChunks());
const { NOTIFY_SOCKET, LISTEN_FDS } = process.env;
if (NOTIFY_SOCKET !== undefined || LISTEN_FDS !== undefined) loadChunksSoon();
