export interface Processor {
  readonly arch: string;
  readonly armv?: string;
  readonly triplet: string;
  readonly glibc: string;
}
export const mostKilobytes: number;
export const root: string;
export const builtFile: string;
export const processors: readonly Processor[];
export function prebuiltFile(processor: Processor): string;
