// npm run bench: what this package costs, measured beside others, as tables.
//
//   node bench/run.mjs [--only PART]... [--rounds MOST] [--save]
//
// --only measures this part, and may be repeated. --rounds makes so many at most: it shows that all
// works, and the figures mean little. --save puts the tables into bench/README.md and docs/comparison.md.
import { parseArgs } from 'node:util';
import { calls } from './calls.mjs';
import { coldActivation } from './cold-activation.mjs';
import { importing } from './import.mjs';
import { inherited } from './inherited.mjs';
import { startToListening } from './listening.mjs';
import { machine } from './machine.mjs';
import { save } from './save.mjs';
import { missingAddons, size } from './size.mjs';
import { briefTable, tables } from './table.mjs';
import { throughput } from './throughput.mjs';
import { workers } from './workers.mjs';

/** Each is given the most rounds that it may make, and resolves with rows for bench/table.mjs. */
const parts = {
  notify: (most) => calls('notify', most),
  check: (most) => calls('check', most),
  inspect: (most) => calls('inspect', most),
  inherited,
  listening: startToListening,
  cold: coldActivation,
  throughput,
  workers,
  import: importing,
  size,
};

const usage = `node bench/run.mjs [--only PART]... [--rounds MOST] [--save]
PART is one of ${Object.keys(parts).join(', ')}; MOST is 1 or more`;

function refuse(message) {
  console.error(`${message}\n${usage}`);
  process.exit(2);
}

function parse(config) {
  try {
    return parseArgs(config).values;
  } catch (error) {
    return refuse(error.message);
  }
}

function options() {
  const values = parse({
    options: {
      help: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: Object.keys(parts) },
      rounds: { type: 'string', default: 'Infinity' },
      save: { type: 'boolean', default: false },
    },
  });
  const { help, only, rounds, save: isToSave } = values;
  if (help) {
    console.log(usage);
    process.exit();
  }
  const unknown = only.filter((name) => !(name in parts));
  const most = Number(rounds);
  if (unknown.length > 0) refuse(`No such part: ${unknown.join(', ')}`);
  if (!(most >= 1)) refuse(`No such number of rounds: ${rounds}`);
  if (isToSave && (only.length < Object.keys(parts).length || most !== Number.POSITIVE_INFINITY)) {
    refuse('--save is for all of it: without --only and --rounds');
  }
  if (isToSave && missingAddons().length > 0) {
    refuse(`--save is for a whole package: npm run prebuilds makes ${missingAddons().join(', ')}`);
  }
  return { only, most, isToSave };
}

async function measure(only, most) {
  const rows = [];
  for (const name of only) {
    const begun = performance.now();
    rows.push(...(await parts[name](most)));
    console.error(`${name}: measured in ${((performance.now() - begun) / 1000).toFixed()} s`);
  }
  return rows;
}

const { only, most, isToSave } = options();
const facts = (await machine()).map((fact) => `- ${fact}`).join('\n');
const rows = await measure(only, most);
const result = `${facts}\n\n${tables(rows)}`;
console.log(result);
if (isToSave) await save(result, `${briefTable(rows)}\n\n${facts}`);
