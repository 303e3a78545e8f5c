// Turns the failure of a single connection into a warning, so that the other connections of the server go on.
import { warn } from '../base/warn.ts';

/** Runs `act` for one connection. An error that `act` throws becomes a process warning. */
export type WarnOnError = (act: () => void) => void;

/** Makes the function for one server. It warns once, because the same error may come from thousands of connections. */
export function createWarnOnError(): WarnOnError {
  let hasWarned = false;
  return (act) => {
    try {
      act();
    } catch (error) {
      if (!hasWarned) warn(error);
      hasWarned = true;
    }
  };
}
