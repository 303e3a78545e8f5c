import type { Row } from './table.mjs';

export interface Chart {
  readonly title: string;
  readonly note: string;
  readonly groups: readonly {
    readonly heading?: string;
    readonly bars: readonly { readonly label: string; readonly value: number }[];
  }[];
}
export type Theme = Readonly<Record<'background' | 'text' | 'muted' | 'ours' | 'other', string>>;
export const themes: Readonly<Record<'light' | 'dark', Theme>>;
export function chartsOf(rows: readonly Row[]): readonly Chart[];
export function draw(charts: readonly Chart[], facts: readonly string[], theme: Theme): string;
