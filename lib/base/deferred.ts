// Promise.withResolvers(), which Node has only from version 22 on.

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** A promise with the functions that settle it. When nobody awaits it, its rejection is no unhandled rejection. */
export function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {});
  return { promise, ...(settle as Pick<Deferred<T>, 'resolve' | 'reject'>) };
}
