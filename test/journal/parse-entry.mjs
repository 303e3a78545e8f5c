// Reads the native protocol of journald: an entry as a list of names with values, in the order of the fields.

const LINE_BREAK = 0x0a;
const EQUALS = 0x3d;

/** Throws unless the bytes are an entry, whole and with nothing behind it. */
export function parseEntry(bytes) {
  const fields = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(LINE_BREAK, at);
    if (end < 0) throw new Error(`The line at ${at} has no end`);
    const equals = bytes.indexOf(EQUALS, at);
    const isPlain = equals >= 0 && equals < end;
    const name = bytes.toString('latin1', at, isPlain ? equals : end);
    const size = isPlain ? end - equals - 1 : Number(bytes.readBigUInt64LE(end + 1));
    const start = isPlain ? equals + 1 : end + 9;
    if (bytes[start + size] !== LINE_BREAK) throw new Error(`${name} does not end where it should`);
    fields.push([name, bytes.toString('utf8', start, start + size)]);
    at = start + size + 1;
  }
  return fields;
}
