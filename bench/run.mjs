// npm run bench: what this package costs, measured beside others, as tables.
//
//   node bench/run.mjs [--only PART]... [--rounds MOST] [--save]
//
// --only measures this part, and may be repeated. --rounds makes so many at most: it shows that all
// works, and the figures mean little. --save puts the tables into bench/README.md and README.md.
import { parseArgs } from 'node:util';
import { calls } from './calls.mjs';
import { coldActivation } from './cold-activation.mjs';
import { importing } from './import.mjs';
import { inherited } from './inherited.mjs';
import { startToListening } from './listening.mjs';
import { machine } from './machine.mjs';
import { save } from './save.mjs';
import { size } from './size.mjs';
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

function refuse(message) {
  console.error(message);
  process.exit(2);
}

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: Object.keys(parts) },
      rounds: { type: 'string', default: 'Infinity' },
      save: { type: 'boolean', default: false },
    },
  });
  const { only, rounds, save: isToSave } = values;
  const unknown = only.filter((name) => !(name in parts));
  const most = Number(rounds);
  if (unknown.length > 0 || !(most >= 1)) {
    refuse(`--only takes ${Object.keys(parts).join(', ')}; --rounds 1 or more`);
  }
  if (isToSave && (only.length < Object.keys(parts).length || most !== Number.POSITIVE_INFINITY)) {
    refuse('--save is for all of it: without --only and --rounds');
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
