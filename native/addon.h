// How each source file adds its functions to the add-on's exports.
#ifndef LIBSYSTEMD_ADDON_H_
#define LIBSYSTEMD_ADDON_H_

#include "function.h"

namespace libsystemd {

void ExportSdDaemon(Napi::Object exports);     // sd-daemon.h
void ExportSocket(Napi::Object exports);       // getsockname(2) and other calls on sockets
void ExportAcceptQueue(Napi::Object exports);  // TCP_INFO, sock_diag(7)
void ExportDescriptor(Napi::Object exports);   // fstat(2) and other calls on any descriptor
void ExportThread(Napi::Object exports);       // texts that the threads share

}  // namespace libsystemd

#endif  // LIBSYSTEMD_ADDON_H_
