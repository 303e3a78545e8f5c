/**
 * What the unit gave its service, as typed values: credentials, directories, ids, and who asks. Nothing here needs a
 * service manager to be there: without one a value is undefined, or the caller's fallback.
 *
 * @module libsystemd/environment
 */
export { type CredentialRequest, credentialRequest } from './environment/credential-request.ts';
export {
  type Credentials,
  type CredentialTextOptions,
  credentials,
} from './environment/credentials.ts';
export { type DirectoryKind, type DirectoryOptions, directory } from './environment/directory.ts';
export { bootId, invocationId, machineId } from './environment/ids.ts';
export { type Remote, remote, startedByManager } from './environment/start.ts';
export { peerUnit, type UnitOfOptions, unitOf } from './environment/units.ts';
