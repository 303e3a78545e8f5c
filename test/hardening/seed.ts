/** What all that is random in a run begins with; LIBSYSTEMD_SEED=N repeats one. */
export const seed = Number(process.env.LIBSYSTEMD_SEED ?? Date.now() % 1_000_000);
