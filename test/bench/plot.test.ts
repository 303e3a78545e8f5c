// The charts of the benchmark, made of given rows.
import { expect, test } from 'vitest';
import { chartsOf, draw, type Theme, themes } from '../../bench/plot.mjs';
import type { Row } from '../../bench/table.mjs';

const message: Row = {
  what: 'a message',
  unit: 'µs',
  node: 3,
  c: 5,
  others: [
    { title: 'slow 1.0.0', value: 4000 },
    { title: 'a <b> & "c" 1.0.0', value: 4 },
    { title: 'broken 1.0.0', reason: 'does not compile' },
  ],
  plot: { chart: 'message', c: 'C', node: 'ours' },
};

const cold = (group: string, label: string, node: number, plain: number): Row => ({
  what: label,
  unit: 'ms',
  node,
  plain,
  plot: { chart: 'cold', group, node: label, plain: 'Node alone' },
});

const notDrawn: Row = { what: 'another', unit: 'ms', node: 1 };

const textsOf = (svg: string) =>
  [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, text]) => text);

test('bars are sorted by length, and those of a package without a figure are left out', () => {
  const [chart] = chartsOf([notDrawn, message]);
  expect(chart?.groups.map(({ bars }) => bars.map(({ label }) => label))).toEqual([
    ['ours', 'a <b> & "c" 1.0.0', 'C', 'slow 1.0.0'],
  ]);
});

test('a bar that several rows have is drawn once in each group', () => {
  const [chart] = chartsOf([
    cold('ES modules', 'listen()', 50, 40),
    cold('ES modules', 'serve()', 60, 40),
    cold('CommonJS', 'serve()', 45, 30),
  ]);
  const labels = chart?.groups.map(({ heading, bars }) => [
    heading,
    bars.map(({ label }) => label),
  ]);
  expect(labels).toEqual([
    ['ES modules', ['Node alone', 'listen()', 'serve()']],
    ['CommonJS', ['Node alone', 'serve()']],
  ]);
});

test('rows without a chart give none', () => {
  expect(chartsOf([notDrawn])).toEqual([]);
});

test('a picture has labels, figures, a caption, and all of it as a description', () => {
  const svg = draw(chartsOf([message]), ['Node v1 & more', '2 cores'], themes.light);
  const labels = [
    'ours',
    '3.00 µs',
    'a &lt;b&gt; &amp; &quot;c&quot; 1.0.0',
    '4.00 µs',
    'C',
    '5.00 µs',
  ];
  expect(textsOf(svg)).toEqual(
    expect.arrayContaining([...labels, '4000 µs', 'Node v1 &amp; more', '2 cores']),
  );
  expect(svg).toMatch(/<svg [^>]*role="img" aria-labelledby="title description"/);
  expect(svg).toMatch(/<title id="title">.+<\/title>/);
  expect(/<desc id="description">(.*)<\/desc>/.exec(svg)?.[1]).toContain(
    'ours: 3.00 µs; a &lt;b&gt; &amp; &quot;c&quot; 1.0.0: 4.00 µs; C: 5.00 µs; slow 1.0.0: 4000 µs',
  );
});

test('lengths of bars are in proportion, but a bar much longer than the others is cut, and the chart says so', () => {
  const svg = draw(chartsOf([message]), [], themes.light);
  const bars = [...svg.matchAll(/<rect x="340" [^>]*?width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  const [ours, other, c, slow] = bars as [number, number, number, number];
  expect(other / ours).toBeCloseTo(4 / 3, 2);
  expect(c / ours).toBeCloseTo(5 / 3, 2);
  expect(slow).toBe(c);
  expect(textsOf(svg).join(' ')).toContain('A bar with a gap is longer than drawn.');
  expect(svg.match(/<path /g)).toHaveLength(1);
  expect(draw(chartsOf([cold('CommonJS', 'serve()', 45, 30)]), [], themes.light)).not.toContain(
    'gap',
  );
});

test('nothing is drawn outside of the picture', () => {
  const svg = draw(
    chartsOf([message, cold('ES modules', 'serve()', 60, 40)]),
    ['a', 'b'],
    themes.dark,
  );
  const [, height] = /height="(\d+)"/.exec(svg) ?? [];
  const bottoms = [...svg.matchAll(/ y="([\d.]+)"/g)].map(([, y]) => Number(y));
  expect(Math.max(...bottoms)).toBeLessThan(Number(height));
});

/** The contrast of two colours, as the Web Content Accessibility Guidelines define it. */
function contrast(one: string, other: string): number {
  const luminance = (color: string) => {
    const channels = color.match(/\w\w/g)?.map((hex) => Number.parseInt(hex, 16) / 255) ?? [];
    const [red = 0, green = 0, blue = 0] = channels.map((part) =>
      part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test.each(Object.entries(themes))(
  'texts and bars have enough contrast: %s',
  (_name, theme: Theme) => {
    for (const text of [theme.text, theme.muted])
      expect(contrast(text, theme.background)).toBeGreaterThan(4.5);
    for (const bar of [theme.ours, theme.other])
      expect(contrast(bar, theme.background)).toBeGreaterThan(3);
  },
);
