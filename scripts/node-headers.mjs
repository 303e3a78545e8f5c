// Node's headers beside the running node, so that nothing but npm packages is fetched for a build.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const prefix = resolve(process.execPath, '../..');

/** For node-gyp's --nodedir. Undefined where the headers are not: node-gyp downloads them then. */
export const nodedir = existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined;
