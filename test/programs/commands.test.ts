import { testPrograms } from './suite.ts';

testPrograms('commands');
