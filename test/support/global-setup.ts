// Before all tests: compiles the C programs of test/tools.
import { buildTools } from './tools.ts';

export default (): Promise<void> => buildTools();
