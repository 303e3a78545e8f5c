// What both suites start: the counter by its unit files, with the program and the name of the test.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from 'libsystemd/testing';

const units = new URL('../counter.service', import.meta.url);
const program = new URL('../server.mjs', import.meta.url).pathname;

export async function startCounter(signal) {
  const folder = mkdtempSync(join(tmpdir(), 'counter-'));
  const nameFile = join(folder, 'name');
  const rename = (name) => writeFileSync(nameFile, name);
  rename('first');
  const unit = await start(units, {
    command: [process.execPath, program],
    env: { NAME_FILE: nameFile },
    signal,
  });
  return {
    unit,
    rename,
    get: async (path) => (await fetch(unit.url('counter', path))).text(),
    end: async () => {
      rmSync(folder, { recursive: true });
      await unit.stop();
    },
  };
}
