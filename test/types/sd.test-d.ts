import type { AddressInfo } from 'node:net';
import type {
  Inet6Address,
  InetAddress,
  SystemdErrorCode as SystemdErrorCodeOfMain,
  SystemdError as SystemdErrorOfMain,
} from 'libsystemd';
import * as sd from 'libsystemd/sd';
import { describe, expectTypeOf, test } from 'vitest';

describe('the functions of libsystemd/sd', () => {
  test("have C's argument order, and C's wildcards as defaults", () => {
    expectTypeOf(sd.sd_listen_fds).parameters.toEqualTypeOf<
      [unset_environment?: boolean | number | undefined]
    >();
    expectTypeOf(sd.sd_is_fifo).parameters.toEqualTypeOf<
      [fd: number, path?: string | null | undefined]
    >();
    expectTypeOf(sd.sd_is_socket).parameters.toEqualTypeOf<
      [
        fd: number,
        family?: number | undefined,
        type?: number | undefined,
        listening?: number | undefined,
      ]
    >();
    expectTypeOf(sd.sd_is_socket_inet).parameters.toEqualTypeOf<
      [
        fd: number,
        family?: number | undefined,
        type?: number | undefined,
        listening?: number | undefined,
        port?: number | undefined,
      ]
    >();
    expectTypeOf(sd.sd_is_socket_sockaddr).parameters.toEqualTypeOf<
      [fd: number, type: number, address: sd.SockAddr, listening?: number | undefined]
    >();
    expectTypeOf(sd.sd_is_socket_unix).parameters.toEqualTypeOf<
      [
        fd: number,
        type?: number | undefined,
        listening?: number | undefined,
        path?: string | Uint8Array | null | undefined,
      ]
    >();
    expectTypeOf(sd.sd_pid_notify_with_fds).parameters.toEqualTypeOf<
      [pid: number, unset_environment: boolean | number, state: string, fds: readonly number[]]
    >();
    expectTypeOf(sd.sd_pid_notify_barrier).parameters.toEqualTypeOf<
      [pid: number, unset_environment: boolean | number, timeout_usec: number | bigint]
    >();
    expectTypeOf(sd.sd_booted).parameters.toEqualTypeOf<[]>();
  });

  test('return a boolean where C returns 1 or 0', () => {
    type YesOrNo =
      | typeof sd.sd_is_fifo
      | typeof sd.sd_is_special
      | typeof sd.sd_is_socket
      | typeof sd.sd_is_socket_inet
      | typeof sd.sd_is_socket_sockaddr
      | typeof sd.sd_is_socket_unix
      | typeof sd.sd_is_mq
      | typeof sd.sd_notify
      | typeof sd.sd_pid_notify
      | typeof sd.sd_pid_notify_with_fds
      | typeof sd.sd_notify_barrier
      | typeof sd.sd_pid_notify_barrier
      | typeof sd.sd_booted;
    expectTypeOf<ReturnType<YesOrNo>>().toEqualTypeOf<boolean>();
  });

  test('return a number, names or a bigint elsewhere', () => {
    expectTypeOf(sd.sd_listen_fds).returns.toEqualTypeOf<number>();
    expectTypeOf(sd.sd_listen_fds_with_names).returns.toEqualTypeOf<string[]>();
    expectTypeOf(sd.sd_watchdog_enabled).returns.toEqualTypeOf<bigint>();
    expectTypeOf(sd.sd_pidfd_get_inode_id).returns.toEqualTypeOf<bigint>();
  });

  test('take the numbers of C in place of true and false', () => {
    () => sd.sd_notify(0, 'READY=1');
    () => sd.sd_listen_fds(1);
    // @ts-expect-error: the environment is no part of a text
    () => sd.sd_notify('no', 'READY=1');
  });

  test('require the arguments that C requires', () => {
    // @ts-expect-error: both arguments are required
    () => sd.sd_notify();
    // @ts-expect-error: a state is a string; notify.send() takes an object
    () => sd.sd_notify(false, { ready: true });
    // @ts-expect-error: the address is missing
    () => sd.sd_is_socket_sockaddr(3, 0);
    // @ts-expect-error: a descriptor is a number
    () => sd.sd_is_fifo('3');
  });
});

test('a SockAddr is any form of an inet or inet6 address', () => {
  expectTypeOf<Uint8Array>().toExtend<sd.SockAddr>();
  expectTypeOf<InetAddress>().toExtend<sd.SockAddr>();
  expectTypeOf<Inet6Address>().toExtend<sd.SockAddr>();
  expectTypeOf<{ family: number; address: string }>().toExtend<sd.SockAddr>();
  expectTypeOf<{ family: 'IPv4'; address: string; port: number }>().toExtend<sd.SockAddr>();
  expectTypeOf<{ family: 'unix'; address: string }>().not.toExtend<sd.SockAddr>();
  expectTypeOf<{ family: 'inet' }>().not.toExtend<sd.SockAddr>();
  // AddressInfo itself does not fit, because its family has the type string.
  expectTypeOf<AddressInfo & { family: 'IPv4' | 'IPv6' }>().toExtend<sd.SockAddr>();
});

test('the constants have literal types', () => {
  expectTypeOf<typeof sd.SD_LISTEN_FDS_START>().toEqualTypeOf<3>();
  expectTypeOf<typeof sd.SD_DEBUG>().toEqualTypeOf<'<7>'>();
  expectTypeOf<typeof sd.AF_INET6>().toEqualTypeOf<10>();
  expectTypeOf<typeof sd.SOCK_SEQPACKET>().toEqualTypeOf<5>();
});

test('SystemdError and SystemdErrorCode are the same in both entries', () => {
  expectTypeOf<sd.SystemdError>().toEqualTypeOf<SystemdErrorOfMain>();
  expectTypeOf<sd.SystemdErrorCode>().toEqualTypeOf<SystemdErrorCodeOfMain>();
});
