import { listenFds } from 'libsystemd';

const begun = performance.now();
const { length: count } = listenFds();
console.log(JSON.stringify({ count, ms: performance.now() - begun }));
