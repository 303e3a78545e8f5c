// Node's built-in modules, each loaded at its first use. One static `import 'node:fs'` takes longer than this whole
// package may take in a process without a service manager (npm run bench measures it).
import type { Cluster } from 'node:cluster';

export const fs = () => process.getBuiltinModule('node:fs');
export const net = () => process.getBuiltinModule('node:net');
export const http = () => process.getBuiltinModule('node:http');
export const dgram = () => process.getBuiltinModule('node:dgram');
export const vm = () => process.getBuiltinModule('node:vm');
export const util = () => process.getBuiltinModule('node:util');
export const url = () => process.getBuiltinModule('node:url');
export const crypto = () => process.getBuiltinModule('node:crypto');
export const zlib = () => process.getBuiltinModule('node:zlib');
export const path = () => process.getBuiltinModule('node:path');
export const os = () => process.getBuiltinModule('node:os');
export const nodeModule = () => process.getBuiltinModule('node:module');
/** node:sea; undefined in runtimes without that module. Node has it from 20.12 on. */
export const sea = () => process.getBuiltinModule('node:sea') as { isSea(): boolean } | undefined;
export const threads = () => process.getBuiltinModule('node:worker_threads');
export const childProcess = () => process.getBuiltinModule('node:child_process');
export const stream = () => process.getBuiltinModule('node:stream');
export const cluster = () => process.getBuiltinModule('node:cluster') as unknown as Cluster;
