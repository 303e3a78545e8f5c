// Reads the journal of a bed in several ways, and prints the microseconds of an entry for each.
//
//   reading-child.mjs ENTRIES ROUNDS
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createJournal, readJournal } from 'libsystemd/journal';
import { median } from './rounds.mjs';

const [entries, rounds] = process.argv.slice(2).map(Number);
const IDENTIFIER = 'bench';
const FIELDS = ['MESSAGE', 'PRIORITY'];

async function write() {
  const journal = createJournal({ identifier: IDENTIFIER, maxWaiting: entries });
  for (let i = 0; i < entries; i++) {
    const fields = {
      REQUEST: `/orders/${i}`,
      STATUS: 200,
      MILLISECONDS: i % 97,
      CLIENT: '192.0.2.7',
    };
    journal.send({ message: `GET /orders/${i} was answered`, fields });
  }
  await journal.flush({ timeout: 100_000 });
  execFileSync('journalctl', ['--sync']);
}

const ways = {
  async node(fields) {
    const match = { SYSLOG_IDENTIFIER: IDENTIFIER };
    let count = 0;
    for await (const record of readJournal({ match, ...(fields && { fields }) })) {
      if (record.fields.get('MESSAGE').startsWith('GET')) count++;
    }
    return count;
  },
  async plain(fields) {
    const args = ['--output=json', '--quiet', '--no-pager'];
    if (fields) args.push(`--output-fields=${fields}`);
    const child = spawn('journalctl', [...args, `SYSLOG_IDENTIFIER=${IDENTIFIER}`]);
    let count = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (JSON.parse(line).MESSAGE.startsWith('GET')) count++;
    }
    return count;
  },
};

async function measure(read, fields) {
  const begun = performance.now();
  const count = await read(fields);
  if (count !== entries) throw new Error(`${count} entries were read of ${entries}`);
  return ((performance.now() - begun) * 1_000) / entries;
}

async function compareWays(fields) {
  const results = { node: [], plain: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [name, read] of Object.entries(ways))
      results[name].push(await measure(read, fields));
  }
  return { node: median(results.node), plain: median(results.plain) };
}

await write();
console.log(JSON.stringify({ all: await compareWays(), two: await compareWays(FIELDS) }));
