/**
 * Daemons under test: starts any program as systemd would, and judges it as systemd would, in the process of the test.
 * Needs Linux, and neither systemd nor root.
 *
 * @module libsystemd/testing
 */
export type { ChosenAddress } from './manager/addresses.ts';
export type { KillMode, NotifyAccess, Restart, ServiceType } from './manager/description.ts';
export type { Result } from './manager/exit.ts';
export type { SocketKind } from './manager/socket-description.ts';
export type { ActiveState, SubState } from './manager/states.ts';
export type { UnitAddress } from './testing/address.ts';
export type { Instance } from './testing/instance.ts';
export type { Assignment, Message } from './testing/message.ts';
export type { SocketWish, TestContext, UnitOptions } from './testing/options.ts';
export type { Problem, ProblemCode } from './testing/problems/codes.ts';
export { start } from './testing/start.ts';
export { unavailable } from './testing/unavailable.ts';
export type { Exit, IgnoredSetting, Unit, UnitCondition } from './testing/unit.ts';
export { UnitError, type UnitErrorCode } from './testing/unit-error.ts';
