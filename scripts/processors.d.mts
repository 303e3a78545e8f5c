export interface Processor {
  readonly arch: string;
  readonly armv?: string;
  readonly debian: string;
  readonly triplet: string;
  readonly glibc: string;
}
export const mostKilobytes: number;
export const root: string;
export const addons: readonly string[];
export const builtFile: string;
export const processors: readonly Processor[];
export function prebuiltFile(processor: Processor): string;
export function prebuiltFiles(processor: Processor): string[];
