// Units that the doctor finds sound, and what it says of a unit in a bed.
import type { Diagnosis } from '../../lib/doctor.ts';
import { type Bed, service } from './bed.ts';

let lastPort = 9600;

export const SOUND = [
  'Type=notify',
  'WatchdogSec=20',
  'Restart=on-failure',
  'FileDescriptorStoreMax=4',
];

export const sound = (name: string, extra: readonly string[] = []): string =>
  `[Unit]\nRequires=${name}.socket\n${service('serve.mjs', ...SOUND, ...extra)}`;

export const soundSocket = (extra: readonly string[] = []): string =>
  ['[Socket]', `ListenStream=127.0.0.1:${++lastPort}`, ...extra, ''].join('\n');

export const diagnose = (bed: Bed, options: object): Promise<Diagnosis> =>
  bed.evaluate(`
    const { diagnose } = await import('libsystemd/doctor');
    result(await diagnose(${JSON.stringify(options)}));
  `);

export const badCodes = ({ findings }: Diagnosis): string[] => [
  ...new Set(findings.filter(({ level }) => level === 'bad').map(({ code }) => code)),
];
