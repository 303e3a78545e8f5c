// The path of a Unix socket whose process has gone without unlinking it.
import type { BigIntStats } from 'node:fs';
import { fs, net } from './builtin.ts';

function socketAt(path: string): BigIntStats | undefined {
  const found = fs().lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isSocket() ? found : undefined;
}

/** Whether the kernel refuses to connect there, as it does when nobody listens. */
function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = net().connect({ path });
    client.once('connect', () => {
      client.destroy();
      resolve(false);
    });
    client.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
}

/**
 * Unlinks a Unix socket that nobody listens on, as systemd does before it binds. Of several processes that
 * find it at once, one alone does: the others see that there is another one by then.
 *
 * @returns whether it may be bound to now; false where somebody listens, or it is no socket
 */
export async function removeStale(path: string): Promise<boolean> {
  const stale = socketAt(path);
  if (stale === undefined || !(await isRefused(path))) return false;
  const now = socketAt(path);
  if (now?.ino === stale.ino && now.ctimeNs === stale.ctimeNs) fs().unlinkSync(path);
  return true;
}
