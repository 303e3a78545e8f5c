// inspect_fds(): all facts about descriptors by one call from JavaScript.
#ifndef LIBSYSTEMD_INSPECT_H_
#define LIBSYSTEMD_INSPECT_H_

#include "call.h"

namespace libsystemd {

// Writes into the caller's buffer the number of records, and a record about each of the descriptors
// fd, fd + 1, …: about `count` of them, or about as many as fit. Returns the number of bytes.
// lib/descriptor/records.ts reads them.
int InspectFds(Call& call);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_INSPECT_H_
