// How each source file adds its functions to the add-on's exports.
#ifndef LIBSYSTEMD_ADDON_H_
#define LIBSYSTEMD_ADDON_H_

#include <napi.h>

#include "call.h"

namespace libsystemd {

void ExportSdDaemon(Napi::Object exports);     // sd-daemon.h
void ExportSocket(Napi::Object exports);       // getsockname(2) and other calls on sockets
void ExportAcceptQueue(Napi::Object exports);  // TCP_INFO, sock_diag(7)
void ExportDescriptor(Napi::Object exports);   // fstat(2) and other calls on any descriptor
void ExportThread(Napi::Object exports);       // texts that the threads share

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

#endif  // LIBSYSTEMD_ADDON_H_
