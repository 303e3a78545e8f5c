// start(): a daemon as a service, in a test.
import { nativeSockets } from '../addon/sockets.ts';
import { checkOptions } from './check-options.ts';
import { LiveUnit } from './live-unit.ts';
import type { TestContext, UnitOptions } from './options.ts';
import type { Unit } from './unit.ts';
import { Origin } from './unit-error.ts';
import { sourceOf } from './unit-source.ts';

/**
 * Starts a daemon as systemd would, with this process as its service manager, and waits as `systemctl start` does: for
 * READY=1 of the notify types, for the execution of the program with Type=simple. Needs neither systemd nor root.
 *
 * ```ts
 * const unit = await start([process.execPath, 'server.js'], { sockets: { http: 'tcp' }, test: t });
 * await fetch(unit.url('http', '/health'));
 * ```
 *
 * The daemon gets its sockets from fd 3 on, and the variables that systemd sets, such as LISTEN_FDS and NOTIFY_SOCKET,
 * but none of the test's own environment. Its messages are judged as systemd of the given release does. Nothing of it
 * is left behind, even when the test fails or this process is killed.
 *
 * @param unit - the command as a list of words
 * @param options - what the unit is like; see {@link UnitOptions}
 * @returns the unit, started
 * @throws UnitError ERR_SYSTEMD_UNIT when it does not start: the message tells why
 * @throws SystemdError ERR_SYSTEMD_ADDON when this machine can't start units, see {@link unavailable};
 * EADDRINUSE and the like when a socket can't be opened
 * @throws TypeError, RangeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE for a wrong argument
 * @see systemd.service(5), sd_listen_fds(3), sd_notify(3)
 */
export async function start<Name extends string = string>(
  unit: readonly string[],
  options?: UnitOptions<Name>,
): Promise<Unit<Name>>;

/**
 * Starts a daemon by its unit files, as they are on the server: `app.service`, and the `.socket` files beside it that
 * start it. Their addresses are replaced by free ones.
 *
 * ```ts
 * const unit = await start('units/app.service', { command: [process.execPath, 'server.js'], test: t });
 * ```
 *
 * @param unit - the path or the URL of the `.service` file; or a command, as above
 * @param options - what is different in the test; see {@link UnitOptions}
 * @returns the unit, started
 * @throws the errors above; SystemdError ERR_SYSTEMD_UNIT_FILE when the unit file can't be run
 * @see systemd.unit(5), systemd.socket(5)
 */
export async function start(
  unit: readonly string[] | string | URL,
  options?: UnitOptions,
): Promise<Unit>;

// `called` is the function that the test has called: that of the entry of `import`.
export async function start(
  unit: readonly string[] | string | URL,
  options: UnitOptions = {},
  called: unknown = start,
): Promise<Unit> {
  const origin = new Origin(typeof called === 'function' ? called : start);
  const live = origin.check(() => {
    const checked = checkOptions(options);
    const source = sourceOf(unit, checked);
    nativeSockets();
    const { strict = true, test, signal = test?.signal } = checked;
    const live = new LiveUnit({ ...source, strict, signal });
    if (test !== undefined) stopAtEnd(test, live);
    return live;
  });
  await live.startFrom(origin);
  return live;
}

/**
 * Stops the unit at the end of the test, also while it starts. What was stopped until then has nothing to tell again.
 */
function stopAtEnd(test: TestContext, unit: Unit): void {
  const stop = async () => {
    await unit.stop();
  };
  if (test.onTestFinished !== undefined) test.onTestFinished(stop);
  else test.after?.(stop);
}
