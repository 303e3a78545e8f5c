import { fs } from '../base/lazy-builtins.ts';
import { sd_booted } from '../sd/sd-daemon.ts';

/**
 * Was the machine booted with systemd? It may be, and this process run by something else: what is
 * there for this process, `listenFds`, `notify` and `watchdog` tell by themselves.
 *
 * @returns false on other systems
 * @see sd_booted(3), version 209
 */
export function booted(): boolean {
  // The first look is libsystemd's own; where it fails, there is no need to load the library.
  return process.platform === 'linux' && fs().existsSync('/run/systemd/system') && sd_booted();
}
