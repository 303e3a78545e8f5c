export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly node: number;
  readonly c?: number;
  readonly plain?: number;
  readonly others?: readonly {
    readonly title: string;
    readonly note?: string;
    readonly value?: number;
    readonly reason?: string;
  }[];
  readonly target?: { readonly times: number } | { readonly most: number };
  readonly targetOfOthers?: number;
  readonly plot?: {
    readonly chart: 'cold' | 'message';
    readonly group?: string;
    readonly node?: string;
    readonly c?: string;
    readonly plain?: string;
  };
}
export function tables(rows: readonly Row[]): string;
