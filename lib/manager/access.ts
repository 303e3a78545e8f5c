// Who may send messages: NotifyAccess=.
import type { ServiceState } from './service-state.ts';

/** Why the message of this process has no effect; undefined if it is allowed to send. */
export function whyRefused(service: ServiceState, pid: number): string | undefined {
  const { access, processes, world } = service;
  const { main, control } = processes;
  // The manager knows its own processes even when they have ended meanwhile.
  if (pid !== main && pid !== control && !world.belongs(pid))
    return `process ${pid} does not belong to the unit`;
  switch (access) {
    case 'none':
      return 'NotifyAccess=none allows nobody to send';
    case 'main':
      return pid === main ? undefined : `NotifyAccess=main allows only ${mainOf(main)}`;
    case 'exec':
      if (pid === main || pid === control) return undefined;
      return `NotifyAccess=exec allows only ${mainOf(main)}, and commands such as ExecStartPre=`;
    case 'all':
      return undefined;
  }
}

function mainOf(main: number): string {
  return main > 0 ? `the main process ${main}` : 'the main process, and there is none';
}
