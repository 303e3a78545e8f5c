import { existsSync } from 'node:fs';
import { booted } from 'libsystemd';
import { sd_booted } from 'libsystemd/sd';
import { expect, test } from 'vitest';

test('says what libsystemd says, which is whether /run/systemd/system is there', () => {
  expect(booted()).toBe(sd_booted());
  expect(booted()).toBe(existsSync('/run/systemd/system'));
});
