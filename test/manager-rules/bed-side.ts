// Scripts under a real manager: each is a unit of one bed.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bed } from '../manager/bed.ts';
import { root } from '../support/tools.ts';
import { Puppets } from './puppets.ts';
import type { Facts, Job, Side } from './script.ts';
import { serviceLines } from './settings.ts';

const PROPERTIES = [
  ...['Id', 'ActiveState', 'SubState', 'Result', 'ReloadResult', 'StatusText', 'StatusErrno'],
  ...['MainPID', 'NRestarts', 'NFileDescriptorStore'],
];

/** The milliseconds in which questions gather, so that one systemctl answers them all. */
const GATHERING = 40;

const SOCKET = '/run/puppets';
const PROGRAM = '/run/puppet.py';

/** A unit that keeps the others loaded, because the manager forgets the starts of a unit that it unloads. */
const KEEP = (units: readonly string[]) =>
  `[Unit]\nDefaultDependencies=no\nAfter=${units.map((unit) => `${unit}.service`).join(' ')}\n`;

/** A shell in the bed, because each nsenter takes longer than what it runs. */
class BedShell {
  readonly #shell: ChildProcessWithoutNullStreams;
  readonly #answers: ((lines: readonly string[]) => void)[] = [];

  constructor(bed: Bed) {
    const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--net', '--cgroup'];
    this.#shell = spawn('nsenter', ['--target', String(bed.pid), ...namespaces, 'sh']);
    let lines: string[] = [];
    createInterface(this.#shell.stdout).on('line', (line) => {
      if (line !== '@end') return void lines.push(line);
      this.#answers.shift()?.(lines);
      lines = [];
    });
  }

  /** Runs a command. Returns the lines that it prints. */
  run(command: string): Promise<readonly string[]> {
    this.#shell.stdin.write(`${command} 2>&1; echo @end\n`);
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  async end(): Promise<void> {
    this.#shell.stdin.end();
    await once(this.#shell, 'exit');
  }
}

export class BedSide implements Side {
  readonly puppets: Puppets;
  readonly #shell: BedShell;
  #asked: Map<string, ((facts: Facts) => void)[]> | undefined;

  private constructor(puppets: Puppets, shell: BedShell) {
    this.puppets = puppets;
    this.#shell = shell;
  }

  /** Adds a unit for each of these settings. */
  static async start(bed: Bed, settings: ReadonlyMap<string, string>): Promise<BedSide> {
    copyFileSync(join(root, 'test/manager-rules/puppet.py'), bed.path(PROGRAM));
    const puppets = await Puppets.listen(bed.path(SOCKET));
    chmodSync(bed.path(SOCKET), 0o777);
    const units = [...settings].map(([unit, of]) => [`${unit}.service`, unitFile(unit, of)]);
    await bed.add({ ...Object.fromEntries(units), 'keep.target': KEEP([...settings.keys()]) });
    await bed.systemctl('start', 'keep.target');
    return new BedSide(puppets, new BedShell(bed));
  }

  async job(unit: string, job: Job): Promise<void> {
    await this.#shell.run(`systemctl --no-block ${job} ${unit}`);
  }

  async show(unit: string): Promise<Facts> {
    if (this.#asked === undefined) {
      this.#asked = new Map();
      void sleep(GATHERING).then(() => this.#answer());
    }
    const asked = this.#asked;
    return await new Promise((resolve) => {
      asked.set(unit, [...(asked.get(unit) ?? []), resolve]);
    });
  }

  async #answer(): Promise<void> {
    const asked = this.#asked ?? new Map();
    this.#asked = undefined;
    const units = [...asked.keys()].join(' ');
    const lines = await this.#shell.run(
      `systemctl show --property=${PROPERTIES.join(',')} ${units}`,
    );
    for (const block of lines.join('\n').split('\n\n')) {
      const facts = parseFacts(block);
      for (const resolve of asked.get(facts.Id.replace(/\.service$/, '')) ?? []) resolve(facts);
    }
  }

  async done(unit: string): Promise<void> {
    await this.#shell.run(
      `systemctl stop --no-block ${unit}; systemctl kill --signal=KILL ${unit}`,
    );
  }

  async end(): Promise<void> {
    this.puppets.close();
    await this.#shell.end();
  }
}

function parseFacts(block: string): Facts & { readonly Id: string } {
  const entries = block.split('\n').map((line): [string, string | number] => {
    const at = line.indexOf('=');
    const value = line.slice(at + 1);
    return [
      line.slice(0, at),
      /^\d{1,15}$/.test(value) && !line.startsWith('StatusText') ? Number(value) : value,
    ];
  });
  // Newer versions of systemctl leave out what is empty.
  const facts = { StatusText: '', ReloadResult: 'success', ...Object.fromEntries(entries) };
  return facts as unknown as Facts & { readonly Id: string };
}

function unitFile(unit: string, settings: string): string {
  const python = `/usr/bin/python3 -S -E ${PROGRAM} ${SOCKET} ${unit}`;
  const { unit: ofUnit, service } = serviceLines(settings, (role) => `${python} ${role}`);
  return ['[Unit]', ...ofUnit, '[Service]', ...service, ''].join('\n');
}
