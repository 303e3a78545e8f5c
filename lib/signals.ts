// Signals, from when they are handled to when they do again what they do by default.

export type SignalHandlers = { readonly [signal in NodeJS.Signals]?: () => void };

/** Handles these signals until the function that it gives is called. */
export function handleSignals(handlers: SignalHandlers): () => void {
  const entries = Object.entries(handlers) as [NodeJS.Signals, () => void][];
  for (const [signal, handler] of entries) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of entries) process.off(signal, handler);
  };
}
