// A text that the threads of a process share. Node's own way, node:worker_threads, takes longer to
// load than a service should wait when it starts.
#include <atomic>
#include <utility>

#include "addon.h"
#include "convert.h"

namespace libsystemd {
namespace {

// Never freed, for any thread may be reading it, and so never replaced.
std::atomic<const std::string*> shared_text;

// Leaves a text for all threads, those to come too, where one is given and none was left before: by
// the main thread alone. Gives the one that was left; undefined where there is none.
Napi::Value Shared(const Napi::CallbackInfo& info) {
  if (!info[0].IsUndefined()) {
    auto text = ToString(info[0], "text");
    if (!shared_text) shared_text = new std::string(std::move(text));
  }
  const std::string* text = shared_text;
  return text ? Napi::String::New(info.Env(), *text) : info.Env().Undefined();
}

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, {{"shared", Shared}});
}

}  // namespace libsystemd
