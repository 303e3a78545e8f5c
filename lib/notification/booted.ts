// booted(): tells whether systemd is the init system of the machine.
import { fs } from '../base/lazy-builtins.ts';
import { sd_booted } from '../sd/sd-daemon.ts';

/**
 * Checks whether the machine was booted with systemd. The answer says nothing about this process, which
 * something else may have started: for this process ask `listenFds`, `notify` and `watchdog`.
 *
 * @returns
 * - true: systemd is the init system of the machine
 * - false: another init system is, or the machine does not run Linux
 * @see sd_booted(3), version 209
 */
export function booted(): boolean {
  // sd_booted() begins with the same check. When it fails, the library need not be loaded.
  return process.platform === 'linux' && fs().existsSync('/run/systemd/system') && sd_booted();
}
