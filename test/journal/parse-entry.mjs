// Reads the native protocol of journald, which is also what `journalctl -o export` prints.

const LINE_BREAK = 0x0a;
const EQUALS = 0x3d;

/** The field that begins at `at`, and where the next one begins. Throws when the field is not whole. */
function readField(bytes, at) {
  const end = bytes.indexOf(LINE_BREAK, at);
  if (end < 0) throw new Error(`The line at ${at} has no end`);
  const equals = bytes.indexOf(EQUALS, at);
  const isPlain = equals >= 0 && equals < end;
  const name = bytes.toString('latin1', at, isPlain ? equals : end);
  const size = isPlain ? end - equals - 1 : Number(bytes.readBigUInt64LE(end + 1));
  const start = isPlain ? equals + 1 : end + 9;
  const next = start + size + 1;
  if (bytes[next - 1] !== LINE_BREAK) throw new Error(`${name} does not end where it should`);
  return { name, value: bytes.subarray(start, start + size), next };
}

/** An entry as a list of names with texts, in their order. Throws when something else is behind it. */
export function parseEntry(bytes) {
  const fields = [];
  for (let at = 0; at < bytes.length; ) {
    const { name, value, next } = readField(bytes, at);
    fields.push([name, value.toString()]);
    at = next;
  }
  return fields;
}

/** Entries that an empty line ends, each as a list of names with bytes as hexadecimal digits. */
export function parseEntries(bytes) {
  const entries = [];
  let fields = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === LINE_BREAK) {
      entries.push(fields);
      fields = [];
      at++;
      continue;
    }
    const { name, value, next } = readField(bytes, at);
    fields.push([name, value.toString('hex')]);
    at = next;
  }
  return fields.length > 0 ? [...entries, fields] : entries;
}
