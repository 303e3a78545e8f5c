// What each file adds to the add-on's exports.
#ifndef LIBSYSTEMD_ADDON_H_
#define LIBSYSTEMD_ADDON_H_

#include <napi.h>

#include <initializer_list>

namespace libsystemd {

void ExportSdDaemon(Napi::Object exports);     // sd-daemon.h
void ExportSocket(Napi::Object exports);       // getsockname(2) and other calls on sockets
void ExportAcceptQueue(Napi::Object exports);  // TCP_INFO, sock_diag(7)
void ExportDescriptor(Napi::Object exports);   // fstat(2) and other calls on any descriptor
void ExportThread(Napi::Object exports);       // a text that the threads share

struct Function {
  // In place, for a pointer would have to be relocated when the add-on is loaded.
  char name[28];
  Napi::Value (*call)(const Napi::CallbackInfo&);
};

// One trampoline for all of them, where node-addon-api would make one each: half the size.
void Export(Napi::Object exports, std::initializer_list<Function> functions);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_ADDON_H_
