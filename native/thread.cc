// A text that the threads of a process share. Node's own way, node:worker_threads, takes longer to
// load than a service should wait when it starts.
#include <atomic>

#include "addon.h"
#include "convert.h"

namespace libsystemd {
namespace {

// Never freed: any thread may be reading it.
std::atomic<const std::string*> shared_text;

// Leaves a text, where one is given, for all threads, those to come too. Gives what was left last;
// undefined where there is none.
Napi::Value Shared(const Napi::CallbackInfo& info) {
  if (!info[0].IsUndefined()) shared_text = new std::string(ToString(info[0], "text"));
  const std::string* text = shared_text;
  return text ? Napi::String::New(info.Env(), *text) : info.Env().Undefined();
}

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, {{"shared", Shared}});
}

}  // namespace libsystemd
