import { testPrograms } from './suite.ts';

testPrograms('realtime');
