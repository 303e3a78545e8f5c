import { buildTools } from './tools.ts';

export default (): Promise<void> => buildTools();
