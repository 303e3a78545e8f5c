// A text that the threads of a process share. Node's own way, node:worker_threads, takes longer to
// load than a service should wait when it starts.
#include <mutex>

#include "addon.h"
#include "convert.h"

namespace libsystemd {
namespace {

std::mutex mutex;
std::string shared_text;

// Leaves a text, where one is given, for all threads, those to come too. Gives what was left last;
// an empty text where nothing was.
Napi::Value Shared(const Napi::CallbackInfo& info) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!info[0].IsUndefined()) shared_text = ToString(info[0], "text");
  return Napi::String::New(info.Env(), shared_text);
}

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, {{"shared", Shared}});
}

}  // namespace libsystemd
