// The rest of `libsystemd/auto`, which its entry loads in a process that systemd has started.
export { start } from './auto/start.ts';
