// JSON in which an address keeps its bytes.

export function toJson(value: unknown): string {
  return JSON.stringify(value);
}

export function fromJson(text: string): unknown {
  return JSON.parse(text, (key, inner: unknown) =>
    // JSON has an object of them, by their positions.
    key === 'bytes' ? Uint8Array.from(Object.values(inner as Record<string, number>)) : inner,
  );
}
