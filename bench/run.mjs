// The benchmark (npm run bench): measures this package beside C, Node alone and other packages, and prints tables.
//
//   node bench/run.mjs [--only PART]... [--rounds MOST] [--plot FOLDER] [--save]
import { readCommandLine, refuseWith } from '../scripts/command-line.mjs';
import { calls } from './calls.mjs';
import { coldActivation } from './cold-activation.mjs';
import { compileCache } from './compile-cache.mjs';
import { importing } from './import.mjs';
import { inherited } from './inherited.mjs';
import { journal } from './journal.mjs';
import { startToListening } from './listening.mjs';
import { describeMachine } from './machine.mjs';
import { messages } from './messages.mjs';
import { writePlots } from './plot.mjs';
import { race } from './race.mjs';
import { reading } from './reading.mjs';
import { save } from './save.mjs';
import { missingAddons, size } from './size.mjs';
import { briefTable, tables } from './table.mjs';
import { testing } from './testing.mjs';
import { throughput } from './throughput.mjs';
import { workers } from './workers.mjs';

/** Each part takes the largest number of rounds, and resolves with rows for table.mjs. */
const parts = {
  notify: (most) => calls('notify', most),
  check: (most) => calls('check', most),
  inspect: (most) => calls('inspect', most),
  race,
  messages,
  inherited,
  listening: startToListening,
  cold: coldActivation,
  'compile-cache': compileCache,
  throughput,
  workers,
  import: importing,
  journal,
  testing,
  reading,
  size,
};

const usage = `Usage: node bench/run.mjs [--only PART]... [--rounds MOST] [--plot FOLDER] [--save]

  --only PART    measure this part only; may be repeated
                 PART is one of ${Object.keys(parts).join(', ')}
  --rounds MOST  make at most so many rounds, to see that all parts work; MOST is 1 or more
  --plot FOLDER  draw the parts notify and cold into FOLDER, as plot-light.svg and plot-dark.svg
  --save         put the tables and the plot into bench/README.md, and a few rows into docs/comparison.md`;

const refuse = refuseWith(usage);

function options() {
  const { values } = readCommandLine(usage, {
    options: {
      only: { type: 'string', multiple: true, default: Object.keys(parts) },
      rounds: { type: 'string', default: 'Infinity' },
      plot: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const { only, rounds, plot, save: isSaving } = values;
  const unknown = only.filter((name) => !(name in parts));
  const most = Number(rounds);
  if (unknown.length > 0) refuse(`--only has unknown parts: ${unknown.join(', ')}`);
  if (!(most >= 1)) refuse(`--rounds is ${rounds}, and must be a number from 1 on`);
  if (isSaving && (only.length < Object.keys(parts).length || most !== Number.POSITIVE_INFINITY)) {
    refuse('--save needs the figures of all parts: leave out --only and --rounds');
  }
  if (isSaving && missingAddons().length > 0) {
    refuse(
      `--save needs all prebuilt add-ons: run npm run prebuilds, which makes ${missingAddons().join(', ')}`,
    );
  }
  return { only, most, plot, isSaving };
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

const { only, most, plot, isSaving } = options();
const machine = await describeMachine();
const facts = machine.map((fact) => `- ${fact}`).join('\n');
const rows = await measure(only, most);
const result = `${facts}\n\n${tables(rows)}`;
console.log(result);
const caption = [...machine, `Measured on ${new Date().toISOString().slice(0, 10)}`];
if (plot !== undefined) await writePlots(rows, caption, plot);
if (isSaving) {
  const picture = await writePlots(rows, caption, import.meta.dirname);
  await save(`${picture}\n\n${result}`, `${briefTable(rows)}\n\n${facts}`);
}
