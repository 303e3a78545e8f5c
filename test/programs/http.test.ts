import { testPrograms } from './suite.ts';

testPrograms('http');
