export const REPOSITORY: string;
export function whyNoBed(): string | undefined;
export class Manager {
  static launch<T extends typeof Manager>(this: T, overlay?: string): Promise<InstanceType<T>>;
  readonly pid: number;
  readonly keeper: number;
  path(path: string): string;
  run(command: string, ...args: readonly string[]): Promise<string>;
  systemctl(...args: readonly string[]): Promise<string>;
  addUnits(units: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}
