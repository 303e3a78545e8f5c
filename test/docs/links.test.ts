// Links of the pages, on npmjs and in node_modules, where nothing but the tarball's files is.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Without code, where brackets are no links. */
const proseOf = (page: string) =>
  read(page)
    .replace(/^ *```[\s\S]*?^ *```$/gm, '')
    .replace(/`[^`\n]*`/g, '');

const tarball: ReadonlySet<string> = new Set(
  JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      env: { ...process.env, LD_PRELOAD: '' }, // npm does not need the sanitizers of test/hardening
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )[0].files.map(({ path }: { path: string }) => path),
);

const packedPages = [...tarball].filter((path) => path.endsWith('.md'));
const folders = ['', 'bench', 'docs', 'examples', 'examples/demo'];
const repositoryPages = folders
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md') && !tarball.has(path));

interface Link {
  readonly page: string;
  readonly target: string;
  readonly anchor: string;
}

/** `[text](target)`, `[name]: target` and HTML's href, src and srcset, but no address of another machine. */
const LINK = /\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)|(?:href|src(?:set)?)="([^"]+)"/gm;

const linksOf = (page: string): readonly Link[] =>
  [...proseOf(page).matchAll(LINK)]
    .map(([, inline, reference, attribute]) => (inline ?? reference ?? attribute) as string)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor = ''] = link.split('#');
      return { page, target: path === '' ? page : join(dirname(page), path), anchor };
    });

/** The anchors that GitHub and npm give the headings of a page, and the anchors that the page has itself. */
function anchorsOf(page: string): ReadonlySet<string> {
  const text = read(page).replace(/^ *```[\s\S]*?^ *```$/gm, '');
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)"/g)].map(([, id]) => id as string));
  const counts = new Map<string, number>();
  for (const [, heading] of text.matchAll(/^#+ (.*)$/gm)) {
    const words = (heading as string).toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '');
    const slug = words.replaceAll(' ', '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

const hasAnchor = ({ target, anchor }: Link) => anchor === '' || anchorsOf(target).has(anchor);

test('the tarball has the pages that users read', () => {
  expect(packedPages).toEqual(
    expect.arrayContaining(['README.md', 'CHANGELOG.md', 'docs/service.md', 'docs/api/README.md']),
  );
  expect(packedPages.flatMap(linksOf).length).toBeGreaterThan(100);
});

test.each(packedPages)('every link of %s leads to a file of the tarball', (page) => {
  const dead = linksOf(page).filter(({ target }) => !tarball.has(target));
  expect(dead).toEqual([]);
});

test.each(packedPages)('every link of %s leads to a heading that its page has', (page) => {
  const links = linksOf(page).filter(({ target }) => tarball.has(target));
  expect(links.filter((link) => !hasAnchor(link))).toEqual([]);
});

test.each(repositoryPages)('every link of %s leads to a file of the repository', (page) => {
  const isFile = (path: string) =>
    statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
  const links = linksOf(page);
  expect(links.filter(({ target }) => !isFile(target))).toEqual([]);
  expect(links.filter((link) => !hasAnchor(link))).toEqual([]);
});
