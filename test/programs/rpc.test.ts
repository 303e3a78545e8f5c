import { testPrograms } from './suite.ts';

testPrograms('rpc');
