// Tells whether node:cluster is loaded, without loading it. To load it takes 1 to 3 ms.

/** Node's own `process`. jest gives each test file a copy, which has an old list of modules and emits no events. */
export const nodeProcess = () => process.getBuiltinModule('node:process');

/** The entry of node:cluster in Node's list of loaded modules, in Node 20 to 26. Node does not document the list. */
const ENTRY = 'NativeModule cluster';

/**
 * - (true) The program or Node has loaded node:cluster. Node loads it in a cluster worker, and when a server listens.
 * - (false) Nobody has loaded it.
 * - (undefined) This runtime does not tell.
 */
export function isClusterLoaded(): boolean | undefined {
  const { moduleLoadList } = nodeProcess() as { moduleLoadList?: unknown };
  if (!Array.isArray(moduleLoadList) || moduleLoadList.length === 0) return undefined;
  return moduleLoadList.includes(ENTRY);
}
