// Whether the machine runs systemd.
import { existsSync } from 'node:fs';
import { booted } from 'libsystemd';
import { sd_booted } from 'libsystemd/sd';
import { expect, test } from 'vitest';

test('booted() returns what sd_booted() does: whether /run/systemd/system exists', () => {
  expect(booted()).toBe(sd_booted());
  expect(booted()).toBe(existsSync('/run/systemd/system'));
});
