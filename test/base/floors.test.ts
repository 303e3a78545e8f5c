// Folders are floors: a module imports from its own folder and from the folders below, and never in a circle.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

/** From the lowest to the highest. */
const FLOORS = [
  'base',
  'addon',
  'sd',
  'descriptor',
  'manager',
  'unix',
  'environment',
  'journal',
  'pressure',
  'notification',
  'traffic',
  'activation',
  'store',
  'service',
  'auto',
  'testing',
  'doctor',
  'cli',
];

const lib = join(root, 'lib');

const importsOf = (file: string) =>
  [...readFileSync(join(lib, file), 'utf8').matchAll(/ from '(\..+?)';/g)].map(([, path]) =>
    join(file, '..', path as string),
  );

const files = readdirSync(lib, { recursive: true, encoding: 'utf8' });
const modules = new Map(
  files.filter((file) => file.endsWith('.ts')).map((file) => [file, importsOf(file)]),
);

/** The floor of a file. The entries, such as index.ts, are above all floors. */
function floorOf(file: string): number {
  return file.includes('/') ? FLOORS.indexOf(file.split('/')[0] as string) : FLOORS.length;
}

test('every module is on a floor', () => {
  expect(modules.size).toBeGreaterThan(50);
  expect([...modules.keys()].filter((file) => floorOf(file) < 0)).toEqual([]);
});

test('a module imports from its own floor and from those below', () => {
  const upward = [...modules].flatMap(([file, imports]) =>
    imports.filter((one) => floorOf(one) > floorOf(file)).map((one) => `${file} → ${one}`),
  );
  expect(upward).toEqual([]);
});

test('no module imports itself, directly or through others', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    else if (!done.has(file)) {
      for (const one of modules.get(file) ?? []) visit(one, [...path, file]);
      done.add(file);
    }
  };
  for (const file of modules.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
