// What `activate` says of lines of unit files that have no effect.
import { basename, dirname } from 'node:path';
import { excerpt } from '../../base/validate.ts';
import type { Setting } from './events.ts';
import { firstOf, type Line, wrong } from './line.ts';

const MOST_SETTINGS = 3;

/** The settings by their names, each once. */
const keysOf = (settings: readonly Setting[]): string[] => [
  ...new Set(settings.map(({ key }) => `${key}=`)),
];

export const unknown = ({ file, line, key, value, why }: Setting): Line[] =>
  wrong(
    `${basename(file)}:${line} is ignored, ${value === '' ? key : `${key}=${excerpt(value)}`}: ${why}`,
  );

/** A file of variables may hold what the program can't do without, so it has a line of its own. */
const isFileOfVariables = ({ key }: Setting): boolean => key === 'EnvironmentFile';

/** `app.service.d/local.conf`: where a setting of this machine alone goes. */
function dropIn({ file }: Setting): string {
  const folder = basename(dirname(file));
  return `${folder.endsWith('.service.d') ? folder : `${basename(file)}.d`}/local.conf`;
}

function missingFile(setting: Setting): Line[] {
  const { file, line, key, value, why } = setting;
  return wrong(
    `${basename(file)}:${line} has no effect here, ${key}=${excerpt(value)}: ${why}`,
    `A drop-in such as ${dropIn(setting)} sets them: Environment=NAME=value`,
  );
}

/** A service that needs its credentials can't start without them. */
function insteadOfCredentials(settings: readonly Setting[]): string | undefined {
  const setting = settings.find(({ key }) => /^(?:Load|Set|Import)Credential/.test(key));
  return (
    setting &&
    `For credentials, a drop-in such as ${dropIn(setting)}: Environment=CREDENTIALS_DIRECTORY=/path/of/a/folder`
  );
}

export function ignored(settings: readonly Setting[]): Line[] {
  const others = settings.filter((one) => !isFileOfVariables(one));
  return [
    ...(others.length > 0
      ? wrong(
          `without effect here: ${firstOf(keysOf(others), MOST_SETTINGS)}`,
          insteadOfCredentials(others),
        )
      : []),
    ...settings.filter(isFileOfVariables).flatMap(missingFile),
  ];
}
