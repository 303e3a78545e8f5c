// Makes calls through `libsystemd/sd`, as test/tools/journal.c makes them from C, and prints the results in the same form. The
// calls are lists of arguments, as JSON on standard input.
import { readFileSync, writeSync } from 'node:fs';
import * as sd from 'libsystemd/sd';

function decode(text) {
  const [, start, more = '0'] = /^(.*?)(?:\{(\d+)\})?$/s.exec(text);
  const parts = start.match(/\\x..|[^\\]|\\/gs) ?? [];
  const bytes = parts.map((part) =>
    part.startsWith('\\x') ? Buffer.from(part.slice(2), 'hex') : Buffer.from(part),
  );
  return Buffer.concat([...bytes, Buffer.alloc(Number(more), 'x')]);
}

/** A field goes as a string where it is one, and as bytes otherwise. */
function fieldOf(text) {
  const bytes = decode(text);
  return Buffer.from(String(bytes)).equals(bytes) ? String(bytes) : bytes;
}

const functions = {
  sendv: (...fields) => sd.sd_journal_sendv(fields.map(fieldOf)) ?? 0,
  print: (priority, text) => sd.sd_journal_print(Number(priority), String(decode(text))) ?? 0,
  stream: (identifier, priority, prefix) => {
    const name = identifier === 'NULL' ? null : String(decode(identifier));
    const fd = sd.sd_journal_stream_fd(name, Number(priority), Number(prefix));
    return writeSync(fd, 'a line\n') > 0 ? 1 : 0;
  },
};

for (const [name, ...args] of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    console.log(functions[name](...args));
  } catch (error) {
    if (
      !(error instanceof sd.SystemdError) ||
      error.syscall !==
        { sendv: 'sd_journal_sendv', print: 'sd_journal_print', stream: 'sd_journal_stream_fd' }[
          name
        ]
    )
      throw error;
    console.log(error.errno);
  }
}
