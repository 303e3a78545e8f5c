// The paths of inherited Unix sockets: a program that removes its path before it listens would remove the socket on
// which systemd listens, and no client would find the service any more.
import { candidates } from '../activation/candidates.ts';
import { fs, nodeModule, path as paths, url } from '../base/lazy-builtins.ts';
import { isSamePath, pathOf } from './matching.ts';

function toPath(value: unknown): string | undefined {
  if (value instanceof URL)
    return value.protocol === 'file:' ? url().fileURLToPath(value) : undefined;
  return typeof value === 'string' || Buffer.isBuffer(value) ? String(value) : undefined;
}

function isInherited(value: unknown, inherited: readonly string[]): boolean {
  const path = toPath(value);
  return path !== undefined && inherited.some((known) => isKnown(path, known));
}

/** Compares the last parts first, because the rest has to be looked up. */
function isKnown(path: string, known: string): boolean {
  return paths().basename(path) === paths().basename(known) && isSamePath(path, known);
}

type AnyFunction = (...args: unknown[]) => unknown;

/** From now on the functions of node:fs that remove a file do nothing for the path of an inherited socket. */
export function protectSocketPaths(): void {
  const inherited = candidates()
    .map(pathOf)
    .filter((path) => path?.startsWith('/')) as string[];
  if (inherited.length === 0) return;
  const wrap = (object: object, name: string, succeed: (callback: unknown) => unknown) => {
    const functions = object as Record<string, AnyFunction>;
    const original = functions[name] as AnyFunction;
    functions[name] = function (this: unknown, ...args: unknown[]) {
      if (!isInherited(args[0], inherited)) return Reflect.apply(original, this, args);
      return succeed(args.at(-1));
    };
  };
  for (const name of ['unlink', 'rm']) {
    wrap(fs(), name, (callback) => process.nextTick(callback as (error: null) => void, null));
    wrap(fs(), `${name}Sync`, () => undefined);
    wrap(fs().promises, name, async () => undefined);
  }
  nodeModule().syncBuiltinESMExports(); // for programs that import { unlinkSync }
}
