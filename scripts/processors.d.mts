export interface Processor {
  readonly arch: string;
  readonly armv?: string;
  readonly triplet: string;
  readonly glibc: string;
  readonly kilobytes: number;
}
export const root: string;
export const processors: readonly Processor[];
export function prebuiltFile(processor: Processor): string;
