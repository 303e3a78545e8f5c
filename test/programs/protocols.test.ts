import { testPrograms } from './suite.ts';

testPrograms('protocols');
