// The add-on's entry point. The add-on is context-aware: any number of worker threads may load it.
// Only three things belong to the process: libsystemd's table of functions, two texts that are
// never freed (thread.cc), and the socket that notifications are sent from (socket.cc). Each thread
// has a list of the descriptors that it has opened (held-fds.cc).
//
// The code uses no function of the C++ library, and is linked with no library at all: the C library
// is in every process that can load an add-on. So one file loads with glibc and with musl. Of
// node-addon-api only what needs no std::string is used; call.cc converts by Node-API itself.
#include "addon.h"

namespace libsystemd {
namespace {

Napi::Object Init(Napi::Env, Napi::Object exports) {
  ExportSdDaemon(exports);
  ExportSocket(exports);
  ExportAcceptQueue(exports);
  ExportDescriptor(exports);
  ExportThread(exports);
  return exports;
}

NODE_API_MODULE(libsystemd, Init)

}  // namespace
}  // namespace libsystemd
