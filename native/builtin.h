// The built-in: the functions of sd-daemon.h for a machine that has no libsystemd, or an older one
// that lacks some of them. They return what libsystemd 262 returns to the same call.
//
// This code uses only the C library, so that test/hardening can compare it with libsystemd in one
// process.
#ifndef LIBSYSTEMD_BUILTIN_H_
#define LIBSYSTEMD_BUILTIN_H_

#include "functions.h"

namespace libsystemd {
namespace builtin {

#define X(name, parameters) int name parameters;
LIBSYSTEMD_FUNCTIONS(X)
#undef X

// 1 when LISTEN_PIDFDID= names this process, 0 when it names another one, or -errno. 1 also where
// the kernel has no such numbers. libsystemd's sd_listen_fds() checks the variable from version 259
// on.
int IsOwnPidfdId(const char* text);

}  // namespace builtin
}  // namespace libsystemd

#endif  // LIBSYSTEMD_BUILTIN_H_
