// Property tests of addresses: no loss from bytes to objects and back, also with real sockets; and any address is printed
// on one line.
import { mkdtempSync, rmSync } from 'node:fs';
import { isIPv6, SocketAddress } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Address, formatAddress } from 'libsystemd';
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_VSOCK, type SockAddr } from 'libsystemd/sd';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeAddress } from '../../lib/descriptor/address.ts';
import { encodeAddress } from '../../lib/sd/sockaddr.ts';
import { runWith } from '../support/descriptors.ts';
import { seed } from './seed.ts';

const numRuns = 10_000;

const LINE = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;

/** A struct sockaddr of any family. The families that the package decodes are more frequent. */
const sockaddr = fc
  .tuple(
    fc.oneof(fc.constantFrom(AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_VSOCK), fc.nat(255)),
    fc.uint8Array({ maxLength: 126 }),
  )
  .map(([family, rest]) => Uint8Array.of(family, 0, ...rest));

test('any bytes can be decoded, and are printed on one line', () => {
  const property = fc.property(fc.oneof(sockaddr, fc.uint8Array()), (bytes) => {
    expect(formatAddress(decodeAddress(bytes))).toMatch(LINE);
  });
  fc.assert(property, { numRuns });
});

describe('an internet address', () => {
  const port = fc.nat(0xffff);
  const uint32 = fc.nat(0xffff_ffff);
  const inet = { family: fc.constant('inet' as const), address: fc.ipV4(), port };
  const inet6 = { family: fc.constant('inet6' as const), address: fc.ipV6(), port };

  test('stays the same when it is encoded and decoded', () => {
    const either = fc.oneof(
      fc.record(inet),
      fc.record({ ...inet6, flowinfo: uint32, scopeId: uint32 }),
    );
    const property = fc.property(either, (address) => {
      // An IPv6 address has several spellings. Node finds the usual one.
      const family = address.family === 'inet' ? 'ipv4' : 'ipv6';
      const usual = new SocketAddress({ address: address.address, family }).address;
      expect(decodeAddress(encodeAddress(address))).toEqual({ ...address, address: usual });
    });
    fc.assert(property, { numRuns });
  });

  test('has the same bytes when it is decoded and encoded', () => {
    const bytesOf = (family: number, length: number, zeros: number) =>
      fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((rest) => Uint8Array.of(family, 0, ...rest, ...new Uint8Array(zeros)));
    const either = fc.oneof(bytesOf(AF_INET, 6, 8), bytesOf(AF_INET6, 26, 0));
    const property = fc.property(either, (bytes) => {
      const address = decodeAddress(bytes);
      expect(encodeAddress(address as SockAddr)).toEqual(bytes);
      if (address.family === 'inet6')
        expect(isIPv6((address as { address: string }).address)).toBe(true);
    });
    fc.assert(property, { numRuns });
  });
});

describe(`of a real socket, with LIBSYSTEMD_SEED=${seed}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'libsystemd-address-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Escapes bytes for test/tools/launch.c. */
  const escapeBytes = (name: Buffer) => name.toString('hex').replace(/../g, '\\x$&');
  const sample = <T>(values: fc.Arbitrary<T>) => fc.sample(values, { numRuns: 200, seed });
  // Each name begins with a number, so that all differ.
  const beginning = (i: number) => `${folder}/${i}-`;
  const room = 108 - beginning(100).length;
  const byteOfName = fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f);

  const paths = sample(fc.array(byteOfName, { maxLength: room })).map((name, i) =>
    Buffer.concat([Buffer.from(beginning(i)), Buffer.from(name)]),
  );
  const abstract = sample(fc.uint8Array({ maxLength: room - 1 })).map((name, i) =>
    Buffer.concat([Buffer.from(`\0${beginning(i)}`), name]),
  );
  const hosts = sample(
    fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.integer({ min: 1024, max: 0xffff })),
  );

  interface Inspected {
    readonly address: Address;
    /** True if libsystemd finds that this socket, or the next one, has the address. */
    readonly matchesOwn: boolean;
    readonly matchesNext: boolean;
  }

  /** Starts a process with sockets, which inspects them. */
  async function inspectSockets(specs: readonly string[]): Promise<readonly Inspected[]> {
    const source = `
      const hasAddress = (fd, address) =>
        address.family === 'unix'
          ? sd.sd_is_socket_unix(fd, 0, -1, address.bytes ?? address.path)
          : sd.sd_is_socket_sockaddr(fd, 0, address);
      const fds = Array.from({ length: ${specs.length} }, (_, i) => 3 + i);
      result(fds.map((fd, i) => {
        const { localAddress: address } = libsystemd.inspect(fd);
        return { address, matchesOwn: hasAddress(fd, address), matchesNext: hasAddress(fds[i + 1] ?? 3, address) };
      }));`;
    return (await runWith(specs, source)) as readonly Inspected[];
  }

  type Found = { path: string; bytes?: Uint8Array; address: string; port: number };

  test.each([
    [
      'a path',
      paths.map((path) => `unix:${escapeBytes(path)}`),
      paths,
      ({ path, bytes }: Found) => Buffer.from(bytes ?? path),
    ],
    [
      'an abstract name',
      abstract.map((name) => `unix:@${escapeBytes(name.subarray(1))}`),
      abstract,
      ({ bytes }: Found) => Buffer.from(bytes ?? []),
    ],
    [
      'a host and port',
      hosts.map(([b, c, d, port]) => `udp:127.${b}.${c}.${d}:${port}`),
      hosts.map(([b, c, d, port]) => `127.${b}.${c}.${d}:${port}`),
      ({ address, port }: Found) => `${address}:${port}`,
    ],
  ])(
    '%s is read as it was bound, and only its own socket has it',
    async (_kind, specs, bound, read) => {
      for (const [i, { address, matchesOwn, matchesNext }] of (
        await inspectSockets(specs)
      ).entries()) {
        expect(read(address as unknown as Found)).toEqual(bound[i]);
        expect([matchesOwn, matchesNext]).toEqual([true, false]);
        expect(formatAddress(address)).toMatch(LINE);
      }
    },
  );
});
