// Loads a file of dist/cjs/ into an ES module of dist/.
import { SystemdError } from '../base/errors.ts';
import { nodeModule, path } from '../base/lazy-builtins.ts';
import { bundleHint } from './bundle-hint.ts';
import { lackOfDescriptors } from './lack-of-descriptors.ts';
import { ownFile, packageFolderOf } from './own-file.ts';
import { deniedError, isDenied } from './prohibition.ts';

function load(name: string): unknown {
  const own = ownFile();
  const packageFolder = own === undefined ? undefined : packageFolderOf(own);
  if (packageFolder === undefined) throw new SystemdError('ERR_SYSTEMD_ADDON', bundleHint(own));
  const file = path().join(packageFolder, 'dist/cjs', name);
  return nodeModule().createRequire(file)(file);
}

/**
 * Returns the exports of a file of dist/cjs/, which is loaded at the first call. `import()` is no alternative, because
 * it would remember that it has failed for lack of descriptors.
 *
 * @throws SystemdError ERR_SYSTEMD_ADDON when a bundler has copied this code, or Node's permission model forbids to
 * read the file; EMFILE or ENFILE when no descriptor is left
 */
export function requireCommonJs(name: string): unknown {
  try {
    return load(name);
  } catch (error) {
    if (isDenied(error)) throw deniedError(error, name);
    throw lackOfDescriptors('open', `cjs/${name}`) ?? error;
  }
}
