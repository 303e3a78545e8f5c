// JSON in which an address keeps its bytes.

export function toJson(value: unknown): string {
  return JSON.stringify(value);
}

/** What JSON makes of bytes: an object of them, by their positions. */
function isBytes(value: unknown): value is Record<string, number> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([at, byte], i) => at === String(i) && typeof byte === 'number')
  );
}

/** Throws SyntaxError where it is no JSON. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (key, inner: unknown) =>
    key === 'bytes' && isBytes(inner) ? Uint8Array.from(Object.values(inner)) : inner,
  );
}
