// What each program of npm is asked, exactly as it is, with libsystemd/auto under a real manager: no request is lost over
// ten restarts, it is ready when it serves, and ends with success.
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeInBed, inBed } from '../manager/bed.ts';
import { Preloaded, type Program } from '../manager/preloaded.ts';
import { fetchNode } from '../packaging/managers.ts';
import { expectNothingLost } from '../support/nothing-lost.ts';
import { fetchLocked } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';
import type { PackagedProgram } from './programs.ts';

const files = inBed(join(root, 'test/preloaded/files'));

/** The program with its packages and with paths of the bed. */
async function place(packaged: PackagedProgram): Promise<Program> {
  const { packages, folder = '.', args, service = [], node: version, ...program } = packaged;
  const node = version === undefined ? undefined : await fetchNode(version);
  const home = inBed(await fetchLocked(join(root, 'test', packages), node));
  const toPath = (word: string) =>
    word.replace(/\bMODULES\b/, join(home, 'node_modules')).replace(/\bFILES\b/, files);
  return {
    ...program,
    ...(node !== undefined && { node: inBed(node) }),
    cwd: join(home, folder),
    args: args.map(toPath),
    service: service.map(toPath),
  };
}

/** Defines the tests of these programs. */
export function testPreloaded(programs: readonly PackagedProgram[]): void {
  describeInBed('a program of npm with libsystemd/auto', [], (bed) => {
    describe.each(programs)('$name', (packaged) => {
      let program: Program;
      beforeAll(async () => {
        program = await place(packaged);
      });

      test('loses no request over ten restarts, is ready, and ends with success', async () => {
        const preloaded = await Preloaded.listen(bed(), program);
        const { requests = 400 } = packaged;
        const { failures } = await preloaded.visit({ requests });
        const journal = await bed().journal(preloaded.unit);
        expectNothingLost(failures, journal);
        const { StatusText, NRestarts } = await preloaded.until('active');
        expect(StatusText).toBe(`Serving on 127.0.0.1:${preloaded.port}`);
        expect(NRestarts).toBe(0);
        expect(await preloaded.stop()).toMatchObject({ Result: 'success' });
        const { lastWords = /^/ } = packaged;
        expect(await bed().journal(preloaded.unit)).toMatch(lastWords);
        expect(journal).not.toMatch(/ERR_SYSTEMD_/);
      });

      test('stops when it is idle, with success, and starts again at the next request', async () => {
        await Preloaded.expectIdleStops(bed(), program, 1500);
      });
    });
  });
}
