// The names of descriptors, which FileDescriptorName= and FDNAME= give.

/**
 * True for a name that systemd takes: at most 255 characters of printable ASCII, without the colon, which separates
 * names in LISTEN_FDNAMES (fdname_is_valid() of systemd). A message may name a descriptor by the empty name.
 */
export const isFdName = (name: string): boolean => /^[ -9;-~]{0,255}$/.test(name);
