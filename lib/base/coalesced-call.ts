// coalesced(): a call for all that happens in one moment.

/**
 * Returns a function that requests a call of `call`, which comes once the present code and the microtasks before it
 * have run. Requests until then share that call.
 */
export function coalesced(call: () => void): () => void {
  let isRequested = false;
  return () => {
    if (isRequested) return;
    isRequested = true;
    queueMicrotask(() => {
      isRequested = false;
      call();
    });
  };
}
