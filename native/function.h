// The functions that an add-on exports.
#ifndef LIBSYSTEMD_FUNCTION_H_
#define LIBSYSTEMD_FUNCTION_H_

#include <napi.h>

#include "call.h"

namespace libsystemd {

// A function of the exports: its name in JavaScript, its parameters and its C++ function.
struct Function {
  // An array, because the loader would have to relocate a pointer each time it loads the add-on.
  char name[27];
  Parameter parameters[kMostParameters];
  int (*call)(Call& call);
};

void Export(Napi::Object exports, const Function* functions, size_t count);

template <size_t count>
void Export(Napi::Object exports, const Function (&functions)[count]) {
  Export(exports, functions, count);
}

}  // namespace libsystemd

#endif  // LIBSYSTEMD_FUNCTION_H_
