// Bar charts of measured rows as SVG. A row's `plot` names its chart, its group of bars if the chart has several, and
// the labels of its figures: { chart, group, node, c, plain }. The figures of other packages have their titles as
// labels.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatQuantity } from './table.mjs';

const TITLE = 'What libsystemd costs';

const charts = {
  cold: {
    title: 'Cold start of a socket-activated service',
    note: 'Median time from connect(2) to the first byte of the answer. Shorter is better.',
  },
  message: {
    title: 'One message to the service manager',
    note: 'Median time of one call, in bursts of 8. Shorter is better.',
  },
};

/** The colours of GitHub's pages. Texts have a contrast of at least 4.5 to the background, and bars of at least 3. */
export const themes = {
  light: {
    background: '#ffffff',
    text: '#1f2328',
    muted: '#59636e',
    ours: '#0969da',
    other: '#818b98',
  },
  dark: {
    background: '#0d1117',
    text: '#f0f6fc',
    muted: '#9198a1',
    ours: '#4493f8',
    other: '#656c76',
  },
};

const WIDTH = 860;
const MARGIN = 24;
/** Where the bars begin, and the length of the longest. The room behind is for its value. */
const BARS = { x: 340, length: 410 };
const BAR = { height: 18, step: 27 };

/** A bar longer than this many times the median is cut, because the others would be too short to compare. */
const CUT = 8;

/** Collects the bars of a row. */
function barsOf({ unit, others = [], plot, ...figures }) {
  const sides = ['c', 'plain', 'node'].filter((side) => plot[side] !== undefined);
  const bar = (label, value, isOurs) => ({ group: plot.group, label, value, unit, isOurs });
  return [
    ...sides.map((side) => bar(plot[side], figures[side], side === 'node')),
    ...others
      .filter(({ value }) => value !== undefined)
      .map(({ title, value }) => bar(title, value, false)),
  ];
}

/** Drops the repetitions of a bar that several rows have. */
const unique = (bars) => [
  ...new Map(bars.map((bar) => [`${bar.group}: ${bar.label}`, bar])).values(),
];

/** The largest value whose bar is not cut. */
function scaleOf(bars) {
  const values = bars.map(({ value }) => value).toSorted((one, other) => one - other);
  return values.findLast((value) => value <= CUT * values[values.length >> 1]);
}

/** Returns the charts that have bars. The bars of each group begin with the shortest. */
export function chartsOf(rows) {
  return Object.entries(charts).flatMap(([name, chart]) => {
    const bars = unique(rows.filter(({ plot }) => plot?.chart === name).flatMap(barsOf));
    if (bars.length === 0) return [];
    const sorted = bars.toSorted((one, other) => one.value - other.value);
    const groups = [...new Set(bars.map(({ group }) => group))].map((heading) => ({
      heading,
      bars: sorted.filter(({ group }) => group === heading),
    }));
    const most = scaleOf(bars);
    const isCut = bars.some(({ value }) => value > most);
    const note = isCut ? `${chart.note} A bar with a gap is longer than drawn.` : chart.note;
    return [{ ...chart, note, groups, most }];
  });
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text) => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);

/** A picture that grows downwards. */
class Drawing {
  #elements = [];
  #theme;
  y = MARGIN;

  constructor(theme) {
    this.#theme = theme;
  }

  text(x, text, { size = 13, color = 'text', weight = 400, anchor = 'start' } = {}) {
    const style = `font-size="${size}" font-weight="${weight}" text-anchor="${anchor}"`;
    this.#elements.push(
      `<text x="${x}" y="${this.y}" ${style} fill="${this.#theme[color]}">${escapeXml(text)}</text>`,
    );
  }

  /** Draws a bar whose middle is at the middle of the text of this line. A cut bar has a gap near its end. */
  bar(length, color, isCut) {
    const top = this.y - 4.5 - BAR.height / 2;
    const [x, width] = [BARS.x, length.toFixed(1)];
    this.#elements.push(
      `<rect x="${x}" y="${top}" width="${width}" height="${BAR.height}" rx="2" fill="${this.#theme[color]}"/>`,
    );
    if (!isCut) return;
    const gap = `M${x + length - 34} ${top + BAR.height + 2}l8 -${BAR.height + 4}`;
    this.#elements.push(
      `<path d="${gap}m6 0l-8 ${BAR.height + 4}" stroke="${this.#theme.background}" stroke-width="3"/>`,
    );
  }

  square(x, color) {
    this.#elements.push(
      `<rect x="${x}" y="${this.y - 10}" width="11" height="11" rx="2" fill="${this.#theme[color]}"/>`,
    );
  }

  /** The whole picture, with a title and a description for those who do not see it. */
  toString(description) {
    const height = this.y + MARGIN;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description" font-family="system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif">`,
      `<title id="title">${TITLE}</title>`,
      `<desc id="description">${escapeXml(description)}</desc>`,
      `<rect width="${WIDTH}" height="${height}" fill="${this.#theme.background}"/>`,
      ...this.#elements,
      '</svg>\n',
    ].join('\n');
  }
}

function drawLegend(drawing) {
  const [ours, others] = [WIDTH - MARGIN - 200, WIDTH - MARGIN - 80];
  drawing.square(ours, 'ours');
  drawing.text(ours + 17, 'this package');
  drawing.square(others, 'other');
  drawing.text(others + 17, 'others');
}

function drawBar(drawing, { label, value, unit, isOurs }, most) {
  const isCut = value > most;
  const length = isCut ? BARS.length : (value / most) * BARS.length;
  const weight = isOurs ? 600 : 400;
  drawing.y += BAR.step;
  drawing.text(BARS.x - 10, label, { anchor: 'end', weight });
  drawing.bar(length, isOurs ? 'ours' : 'other', isCut);
  drawing.text(BARS.x + length + 8, formatQuantity(value, unit), { weight });
}

function drawChart(drawing, { title, note, groups, most }) {
  drawing.text(MARGIN, title, { size: 17, weight: 600 });
  drawing.y += 21;
  drawing.text(MARGIN, note, { color: 'muted' });
  for (const { heading, bars } of groups) {
    if (heading !== undefined) {
      drawing.y += BAR.step;
      drawing.text(BARS.x, heading, { color: 'muted', weight: 600 });
    }
    for (const bar of bars) drawBar(drawing, bar, most);
    drawing.y += 8;
  }
  drawing.y += 42;
}

/** All bars in words. */
function describe({ title, groups }) {
  const list = groups.map(({ heading, bars }) => {
    const texts = bars.map(({ label, value, unit }) => `${label}: ${formatQuantity(value, unit)}`);
    return `${heading === undefined ? '' : `${heading}: `}${texts.join('; ')}.`;
  });
  return `${title}. ${list.join(' ')}`;
}

/** Draws the charts. `facts` are the lines of the caption. */
export function draw(charts, facts, theme) {
  const drawing = new Drawing(theme);
  drawing.y += 12;
  drawLegend(drawing);
  for (const chart of charts) drawChart(drawing, chart);
  drawing.y -= 18;
  for (const [i, fact] of facts.entries()) {
    drawing.y += i === 0 ? 0 : 17;
    drawing.text(MARGIN, fact, { size: 12, color: 'muted' });
  }
  return drawing.toString(charts.map(describe).join(' '));
}

/** Writes plot-light.svg and plot-dark.svg into a folder. Returns the HTML that shows the fitting one. */
export async function writePlots(rows, facts, folder) {
  const charts = chartsOf(rows);
  if (charts.length === 0) throw new Error('The measured parts have no figures for a chart');
  for (const [name, theme] of Object.entries(themes))
    await writeFile(join(folder, `plot-${name}.svg`), draw(charts, facts, theme));
  const titles = charts.map(({ title }) => title).join('; ');
  return [
    '<picture>',
    '  <source media="(prefers-color-scheme: dark)" srcset="plot-dark.svg">',
    `  <img src="plot-light.svg" width="${WIDTH}" alt="Bar charts: ${titles}. The tables below have the figures.">`,
    '</picture>',
  ].join('\n');
}
