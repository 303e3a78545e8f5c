// The seed of all random values in a run. LIBSYSTEMD_SEED=N repeats a run.

export const seed = Number(process.env.LIBSYSTEMD_SEED ?? Date.now() % 1_000_000);
