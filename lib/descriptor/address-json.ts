// JSON for objects with addresses: a field `bytes` that is a Uint8Array is a Uint8Array again after fromJson().

export function toJson(value: unknown): string {
  return JSON.stringify(value);
}

/** True for the object that JSON.stringify() makes from a Uint8Array: `{ "0": 47, "1": 114, … }`. */
function isBytes(value: unknown): value is Record<string, number> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([key, byte], i) => key === String(i) && typeof byte === 'number')
  );
}

/** The value that toJson() has encoded. Throws SyntaxError when the text is no JSON. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (key, field: unknown) =>
    key === 'bytes' && isBytes(field) ? Uint8Array.from(Object.values(field)) : field,
  );
}
