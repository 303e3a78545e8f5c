// The main process of a unit, which systemctl(1) tells.
import { excerpt } from '../../base/validate.ts';
import { parseProperties, type Shown, systemctl } from '../../doctor/systemctl.ts';
import { Failure } from '../command.ts';

/** Properties of a unit. Throws a Failure when there is no manager to ask. */
async function show(unit: string): Promise<Shown> {
  try {
    const properties = ['-p', 'MainPID,LoadState,ActiveState'];
    return parseProperties(await systemctl('show', ...properties, '--', unit));
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') {
      throw new Failure(
        '--unit asks systemd, and there is no systemctl here: name a process by --pid',
      );
    }
    const line = excerptLine(stderr) || String(code);
    throw new Failure(
      `--unit asks systemd, which does not answer (${line}): name a process by --pid`,
    );
  }
}

function excerptLine(text: string): string {
  return text.trim().split('\n')[0]?.replace(/\.$/, '').slice(0, 200) ?? '';
}

/**
 * The pid of the main process of a unit.
 *
 * @throws Failure when there is no systemd, no such unit, or the unit has no process
 */
export async function mainPid(unit: string): Promise<number> {
  const { LoadState, MainPID, ActiveState } = await show(unit);
  const name = excerpt(unit);
  if (LoadState === 'not-found') {
    throw new Failure(
      `there is no unit ${name}: "systemctl list-units" lists those that are loaded`,
    );
  }
  if (MainPID === undefined) {
    throw new Failure(`${name} is no service, so it has no main process: name the service`);
  }
  if (MainPID === '0') {
    throw new Failure(`${name} is ${ActiveState} and has no main process: start it`);
  }
  return Number(MainPID);
}
