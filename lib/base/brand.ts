// Marks of objects by which every copy of this package in the process recognizes them.

/** Marks an object. */
export function brand(object: object, mark: symbol): void {
  // An own property, because somebody may have put one of this name on Object.prototype; not enumerable, so that no
  // print of an error shows it.
  Object.defineProperty(object, mark, { __proto__: null, value: true } as PropertyDescriptor);
}

/** True for an object that has the mark. */
export function isBranded(value: unknown, mark: symbol): boolean {
  try {
    return typeof value === 'object' && value !== null && Object.hasOwn(value, mark);
  } catch {
    return false; // a revoked proxy, or a proxy whose own code throws
  }
}
