// JSON in which an address keeps its bytes.

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Uint8Array ? [...inner] : inner,
  );
}

export function fromJson(text: string): unknown {
  return JSON.parse(text, (key, inner: unknown) =>
    key === 'bytes' ? Uint8Array.from(inner as number[]) : inner,
  );
}
