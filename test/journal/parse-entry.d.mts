export function parseEntry(bytes: Uint8Array): [name: string, text: string][];
export function parseEntries(bytes: Uint8Array): [name: string, hex: string][][];
