// throwLater(), for an error of a callback that must not stop its caller.

/**
 * Throws the error where nobody catches it, once the present call from the event loop has ended: 'uncaughtException'.
 */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
