// The headers of the running Node, so that a build needs no download of headers.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const prefix = resolve(process.execPath, '../..');

/** The value for node-gyp's --nodedir. Undefined when Node has no headers beside it; node-gyp then downloads them. */
export const nodedir = existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined;
