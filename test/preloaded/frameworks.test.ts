import { FRAMEWORKS } from './programs.ts';
import { testPreloaded } from './suite.ts';

testPreloaded(FRAMEWORKS);
