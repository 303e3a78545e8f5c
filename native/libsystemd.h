// The table of sd-daemon.h's functions: each is the function of this machine's libsystemd, or the
// built-in where libsystemd can't be loaded or lacks the function.
//
// The add-on is not linked with libsystemd, so it loads on a machine without libsystemd, and on one
// whose libsystemd is older than some of the functions.
#ifndef LIBSYSTEMD_LIBSYSTEMD_H_
#define LIBSYSTEMD_LIBSYSTEMD_H_

#include "functions.h"

namespace libsystemd {

struct Functions {
#define X(name, parameters) int(*name) parameters;
  LIBSYSTEMD_FUNCTIONS(X)
#undef X
};

constexpr int kFunctionCount = sizeof(Functions) / sizeof(void*);

// The table, and what it consists of.
struct Implementation {
  Functions functions;
  // The file name of the library; nullptr when it can't be loaded.
  const char* library;
  // The names of the functions that are built in.
  const char* builtin[kFunctionCount];
  int builtin_count;
};

// The first call loads the library, which then stays loaded. Where there is none, it also stays
// so: a later call does not look for it again. Only while this process or the machine can open no
// file, the built-in stands in for a library that may be there, and the next call tries again.
// Any thread may make the first call.
const Implementation& Libsystemd();

// A function of a shared object that the process has already loaded; nullptr when the process has
// not loaded the object, or the object lacks the function. The object stays loaded from then on,
// because the text that the function returns may be in its memory.
void* FunctionOf(const char* file, const char* name);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_LIBSYSTEMD_H_
