/**
 * What keeps, or would keep, a service from working: `npx libsystemd doctor` as a function.
 *
 * It is an entry of its own, because neither a service nor its tests need it: a program that wants to say why it can't
 * work imports it then.
 *
 * @module libsystemd/doctor
 */
export type { FindingCode } from './doctor/codes.ts';
export { type DiagnoseOptions, type Diagnosis, diagnose } from './doctor/diagnose.ts';
export type { Finding } from './doctor/finding.ts';
