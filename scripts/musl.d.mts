export interface Musl {
  readonly library: string;
  readonly root: string;
  readonly name: string;
}
export function findMusl(arch: string): Musl | undefined;
