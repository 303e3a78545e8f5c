// replaceMethod(): puts a function in the place of a method of one object.

/**
 * Replaces a method. Not by an assignment, which fails where the program has frozen the prototype.
 *
 * @returns a function that puts back what was there: the object's own method, or that of its class
 * @throws TypeError when the program has frozen the object
 */
export function replaceMethod(object: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { configurable: true, writable: true, value });
  return () => {
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  };
}
