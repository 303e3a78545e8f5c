// Scripts under the rules, with the processes, timers and descriptors that libsystemd/testing gives them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ManagedUnit } from '../../lib/manager/managed-unit.ts';
import type { ServiceRules } from '../../lib/manager/service.ts';
import { readUnitFile } from '../../lib/manager/unit-file.ts';
import { root } from '../support/tools.ts';
import { Puppets } from './puppets.ts';
import type { Facts, Job, Side } from './script.ts';
import { serviceLines } from './settings.ts';

const NO_OBSERVER = { message() {}, wrote() {}, mainEnded() {}, changed() {} };

export class RulesSide implements Side {
  readonly puppets: Puppets;
  readonly #folder: string;
  readonly #systemd: number;
  readonly #settings: ReadonlyMap<string, string>;
  readonly #units = new Map<string, ManagedUnit>();

  private constructor(
    puppets: Puppets,
    folder: string,
    systemd: number,
    settings: ReadonlyMap<string, string>,
  ) {
    this.puppets = puppets;
    this.#folder = folder;
    this.#systemd = systemd;
    this.#settings = settings;
  }

  /** @param settings - of the units, by their names */
  static async start(
    folder: string,
    systemd: number,
    settings: ReadonlyMap<string, string>,
  ): Promise<RulesSide> {
    return new RulesSide(await Puppets.listen(join(folder, 'puppets')), folder, systemd, settings);
  }

  #unitOf(name: string): ManagedUnit {
    const known = this.#units.get(name);
    if (known !== undefined) return known;
    const program = `/usr/bin/python3 -S -E ${root}/test/manager-rules/puppet.py`;
    const { unit, service } = serviceLines(
      this.#settings.get(name) as string,
      (role) => `${program} ${this.#folder}/puppets ${name} ${role}`,
    );
    const path = join(this.#folder, `${name}.service`);
    writeFileSync(path, ['[Unit]', ...unit, '[Service]', ...service, ''].join('\n'));
    const { unit: description } = readUnitFile(path, { systemd: this.#systemd });
    const managed = new ManagedUnit(() => description, NO_OBSERVER);
    managed.open();
    this.#units.set(name, managed);
    return managed;
  }

  #rulesOf(name: string): ServiceRules {
    return this.#unitOf(name).service.rules;
  }

  async job(unit: string, job: Job): Promise<void> {
    this.#rulesOf(unit)[job]();
  }

  async show(unit: string): Promise<Facts> {
    const rules = this.#rulesOf(unit);
    const { status = '' } = rules;
    return {
      ActiveState: rules.state,
      SubState: rules.subState,
      Result: rules.result,
      ReloadResult: rules.reloadResult,
      // So does systemctl print it.
      StatusText: status.includes('\n') ? '[unprintable]' : status,
      StatusErrno: rules.errno,
      MainPID: rules.mainPid ?? 0,
      NRestarts: rules.restarts,
      NFileDescriptorStore: rules.stored.length,
    };
  }

  async done(unit: string): Promise<void> {
    const managed = this.#unitOf(unit);
    managed.close();
    managed.service.rules.releaseStore();
  }

  end(): void {
    this.puppets.close();
  }
}
