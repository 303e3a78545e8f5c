// Before all tests: installs the packages of the programs.
import { packages } from './packages.ts';

export default async function setup(): Promise<void> {
  await packages();
}
