// What each program of a page of docs/programs is asked. With PROGRAMS=all each program is restarted ten times, and the
// page gets the results.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeInBed, type Unit } from '../manager/bed.ts';
import {
  AS_SHOWN,
  furnish,
  type Outcome,
  ProgramService,
  WITH_OPTIONS,
} from './program-service.ts';
import { type Program, programs, type Topic } from './programs.ts';
import { writeResults } from './results.ts';

const ALL = process.env.PROGRAMS === 'all';

const RESTARTS = ALL ? 10 : 4;
const RELOADS = 3;

/** Defines the tests of the programs of a page. */
export function testPrograms(topic: Topic): void {
  const outcomes = new Map<Program, Outcome>();

  describeInBed(`${topic} under a service manager`, [], (bed) => {
    beforeAll(() => furnish(bed(), programs[topic]));
    if (ALL) afterAll(() => writeResults(topic, RESTARTS, outcomes));

    describe.each(programs[topic])('$name', (program) => {
      test(`is started by its first client, and loses nothing over ${RESTARTS} restarts`, async () => {
        const service = await ProgramService.listen(bed(), program, AS_SHOWN);
        await using _ = service;
        expect(await bed().show(service.unit)).toMatchObject({ ActiveState: 'inactive' });
        const outcome = await service.load('restart', RESTARTS);
        expect(await bed().show(service.unit)).toMatchObject({
          ActiveState: 'active',
          NRestarts: 0,
          StatusText: expect.stringMatching(/^Serving on 127\.0\.0\.1:\d+/),
        });
        await service.stop();
        await service.expectOrder();
        const counted = program.counted?.(await service.journal());
        if (counted !== undefined) expect(counted).toBe(outcome.exchanges);
        outcomes.set(program, outcome);
      });

      test('is killed and replaced when it hangs', async () => {
        const service = await ProgramService.listen(bed(), program, AS_SHOWN);
        await using _ = service;
        await service.load('show', 1);
        const hung = await bed().show(service.unit);
        await bed().run('kill', '-STOP', String(hung.MainPID));
        const isReplaced = ({ ActiveState, NRestarts }: Unit) =>
          ActiveState === 'active' && NRestarts === 1;
        await bed().until(service.unit, isReplaced);
        expect(await service.journal()).toContain('Watchdog timeout (limit 3s)!');
        await service.load('show', 1);
      });

      test('loses nothing over reloads, and exits when it is idle', async () => {
        const service = await ProgramService.listen(bed(), program, WITH_OPTIONS);
        await using _ = service;
        await service.load('reload', RELOADS);
        // The process that began has counted all reloads.
        await expect.poll(() => service.journal()).toContain(`reload ${RELOADS}`);
        const isInactive = ({ ActiveState }: Unit) => ActiveState === 'inactive';
        await bed().until(service.unit, isInactive);
        await service.load('show', 1);
        await service.stop();
        await service.expectOrder();
      });
    });
  });
}
