// The entry point of the second add-on, which has what no start of a service needs: a service
// manager for libsystemd/testing, the transport of the journal, Unix sockets, and the wait for
// memory pressure. It is built as the first one is (../addon.cc), and is context-aware: each thread
// of JavaScript has its own list of descriptors (../held-fds.cc) and its own watcher (watcher.cc).
#include "addon.h"

#include "../held-fds.h"

namespace libsystemd {
namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  StartHolding(env);
  ExportSockets(exports);
  ExportDescriptors(exports);
  ExportMessages(exports);
  ExportReadiness(exports);
  ExportWatcher(exports);
  ExportJournal(exports);
  ExportSdJournal(exports);
  return exports;
}

NODE_API_MODULE(libsystemd_sockets, Init)

}  // namespace
}  // namespace libsystemd
