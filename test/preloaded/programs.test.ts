import { COMMANDS } from './programs.ts';
import { testPreloaded } from './suite.ts';

testPreloaded(COMMANDS);
