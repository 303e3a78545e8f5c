export const nodedir: string | undefined;
