// Why a test is skipped on this machine: the program or protocol that it lacks; undefined where it has it.
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { root } from '../support/tools.ts';

function programLacks(program: string, argument: string, from: string): string | undefined {
  const { error } = spawnSync(program, [argument]);
  return error && `${program} was not found: it is part of ${from}`;
}

export const straceLacks = programLacks('strace', '-V', 'strace');
export const ssLacks = programLacks('ss', '-V', 'iproute2');
export const opensslLacks = programLacks('openssl', 'version', 'openssl');
export const perlLacks = programLacks('perl', '-v', 'perl');

const addresses = Object.values(networkInterfaces()).flatMap((found = []) => found);

export const ipv6Lacks = addresses.some(({ address }) => address === '::1')
  ? undefined
  : 'loopback has no IPv6 address here';

/** The user nobody, who may not inspect a process of root. */
export const nobody = 65_534;

function nobodyReads(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may run a worker as nobody';
  const { status } = spawnSync('test', ['-r', `${root}/dist/index.js`], { uid: nobody });
  return status === 0 ? undefined : `nobody may not read ${root}`;
}

export const nobodyLacks = nobodyReads();
