// Node's own modules, loaded when they are used. A static `import 'node:fs'` alone takes longer
// than this whole package may take when there is nothing to do (npm run bench shows it).
import type { Cluster } from 'node:cluster';

export const fs = () => process.getBuiltinModule('node:fs');
export const net = () => process.getBuiltinModule('node:net');
export const http = () => process.getBuiltinModule('node:http');
export const dgram = () => process.getBuiltinModule('node:dgram');
export const util = () => process.getBuiltinModule('node:util');
export const url = () => process.getBuiltinModule('node:url');
export const zlib = () => process.getBuiltinModule('node:zlib');
export const path = () => process.getBuiltinModule('node:path');
export const os = () => process.getBuiltinModule('node:os');
export const nodeModule = () => process.getBuiltinModule('node:module');
/** Node 20.12 and later; other runtimes may not have it. */
export const sea = () => process.getBuiltinModule('node:sea') as { isSea(): boolean } | undefined;
export const threads = () => process.getBuiltinModule('node:worker_threads');
export const cluster = () => process.getBuiltinModule('node:cluster') as unknown as Cluster;
