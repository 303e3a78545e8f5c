import { buildTools } from './tools.ts';

export default function setup(): void {
  buildTools();
}
