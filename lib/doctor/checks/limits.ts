// Limits of the unit within which Node does not start, or a part of it fails.
import { programBetween } from '../../manager/programs.ts';
import { toBytes } from '../../manager/unit-file/values.ts';
import type { UnitFile } from '../../manager/unit-file.ts';
import { allValues, type Facts, lastValue } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';
import { isNode } from '../programs.ts';

/** Fewer descriptors than Node needs to start, to listen and to accept one connection: measured with Node 20. */
const FEWEST_FILES = 32;
/** With fewer a server of many clients has EMFILE. It is the usual soft limit, which Node raises to the hard one. */
const FEW_FILES = 1024;

/** Node raises its soft limit to the hard one, so that is what counts. */
function checkFiles({ service, unit }: UnitFile): Finding[] {
  const value = lastValue(service, 'LimitNOFILE')?.split(':').at(-1);
  if (value === undefined) return [];
  const limit = /^\d+$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
  const line = 'LimitNOFILE=524288';
  const stored = unit.fdStoreMax;
  if (limit < FEWEST_FILES + stored) {
    const text = `LimitNOFILE=${limit}: Node needs ${FEWEST_FILES} descriptors to serve${stored > 0 ? `, and the fd store may hold ${stored}` : ''}`;
    return [bad('limit', text, line)];
  }
  if (limit < FEW_FILES)
    return [
      advice(
        'limit',
        `LimitNOFILE=${limit}: a connection is a descriptor, and more fail by EMFILE`,
        line,
      ),
    ];
  return [good('limit', `LimitNOFILE=${value}`)];
}

const GIB = 1024 ** 3;

/** Address space that V8 and WebAssembly reserve, and never use: Node 20 does not start with 0.7 GiB. */
function checkAddressSpace({ service }: UnitFile): Finding[] {
  const value = lastValue(service, 'LimitAS')?.split(':').at(-1) ?? 'infinity';
  const limit = bytes(value);
  const lines = ['LimitAS=infinity', 'MemoryMax=512M'];
  if (limit < GIB) {
    const text = `LimitAS=${value}: Node does not start, because V8 reserves address space that it does not use`;
    return [bad('limit', text, ...lines)];
  }
  if (limit >= 16 * GIB) return [];
  const text = `LimitAS=${value}: WebAssembly, and so fetch(), fails: it reserves address space that it does not use`;
  return [advice('limit', text, ...lines)];
}

/** A size such as 512M; Infinity for one that can't be read. */
function bytes(value: string): number {
  if (value === 'infinity') return Number.POSITIVE_INFINITY;
  try {
    return toBytes(value);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

const MIB = 1024 ** 2;

/** Node 20 is killed with 20 MiB, and serves with 24: measured in a memory cgroup. */
const LEAST_MEMORY = 20 * MIB;
/** What Node itself has in memory before it has done anything is 45 MiB. */
const LITTLE_MEMORY = 64 * MIB;

/** MemoryMax= ends a service that needs more. MemoryHigh= makes it slow, so that it may miss its watchdog. */
function checkMemory({ service }: UnitFile): Finding[] {
  return ['MemoryMax', 'MemoryHigh'].flatMap((key) => {
    const value = lastValue(service, key) ?? 'infinity';
    const limit = bytes(value);
    const line = `${key}=512M`;
    const size = 'Node itself has 45M in memory before it does anything';
    if (key === 'MemoryMax' && limit <= LEAST_MEMORY)
      return [bad('limit', `${key}=${value}: Node is killed at its start: ${size}`, line)];
    return limit < LITTLE_MEMORY
      ? [advice('limit', `${key}=${value} is little: ${size}`, line)]
      : [];
  });
}

/** Node 20 ends at its start with fewer, because it makes no threads: measured in a pids cgroup. */
const FEWEST_TASKS = 7;
/** Node 20 ends with fewer at its first use of files or DNS: it has 11 threads then. */
const FEW_TASKS = 11;

/** Options that change how many threads Node has. */
const CHANGES_THREADS = /--(?:v8-pool-size|single-threaded)/;

/** TasksMax= counts threads, too. */
function checkTasks({ service, unit }: UnitFile): Finding[] {
  const value = lastValue(service, 'TasksMax') ?? 'infinity';
  const limit = /^\d+$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
  const options = [...unit.start.argv, ...allValues(service, 'Environment')];
  if (limit >= FEW_TASKS || options.some((text) => CHANGES_THREADS.test(text))) return [];
  const text = `TasksMax=${value}: threads count, and Node has ${FEW_TASKS}, beside its child processes and workers`;
  return [(limit < FEWEST_TASKS ? bad : advice)('limit', text, 'TasksMax=128')];
}

/** True for a service that runs Node, as far as its command tells. */
const runsNode = ({ unit: { start } }: UnitFile): boolean =>
  isNode(start.argv) || programBetween(start.argv) !== undefined;

/** All findings about limits. */
export function checkLimits({ file }: Facts): Finding[] {
  if (file === undefined) return [];
  const ofNode = runsNode(file) ? [...checkMemory(file), ...checkTasks(file)] : [];
  return [...checkFiles(file), ...checkAddressSpace(file), ...ofNode];
}
