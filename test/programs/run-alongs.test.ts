import { testPrograms } from './suite.ts';

testPrograms('run-alongs');
