// The states of a service, compared with the table in docs/service.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Event, type State, transition } from '../../lib/service/lifecycle.ts';
import { root } from '../support/tools.ts';

const STATES: Record<State, true> = {
  ...{ starting: true, interrupted: true, serving: true, reloading: true },
  ...{ draining: true, stopping: true, stopped: true, failed: true },
};

const EVENTS: Record<Event, true> = {
  ...{ listening: true, failed: true, reload: true, reloaded: true },
  ...{ stop: true, drained: true, ended: true },
};

/** The rows of the table: state, event, next state. */
function documented(): string[][] {
  const text = readFileSync(join(root, 'docs/service.md'), 'utf8');
  const [, table = ''] = /\n\| state \| event \| next state .*\n.*\n((?:\|.*\n)+)/.exec(text) ?? [];
  const cells = (row: string) => row.split('|').map((cell) => cell.trim());
  return table
    .trimEnd()
    .split('\n')
    .map((row) => cells(row).slice(1, 4));
}

test('every event in every state leads where the table says, or nowhere', () => {
  const states = Object.keys(STATES) as State[];
  const events = Object.keys(EVENTS) as Event[];
  const rows = states.flatMap((from) =>
    events.map((event) => [from, event, transition(from, event)] as const),
  );
  const found = rows.filter(([, , to]) => to !== undefined).map((row) => row.join(' '));
  expect(
    documented()
      .map((row) => row.join(' '))
      .sort(),
  ).toEqual(found.sort());
  expect(found.length).toBeGreaterThan(5);
});

test('no event changes a service that has stopped, or could not start', () => {
  for (const from of ['stopped', 'failed'] as const) {
    for (const event of Object.keys(EVENTS) as Event[]) {
      expect(transition(from, event)).toBeUndefined();
    }
  }
});
