// A text that the threads of a process share. Node's own way, node:worker_threads, takes longer to
// load than a service should wait when it starts.
#include <atomic>
#include <cerrno>
#include <cstring>

#include "addon.h"

namespace libsystemd {
namespace {

// Never freed, for any thread may be reading it, and so never replaced.
std::atomic<const char*> shared_text;

// Leaves a text for all threads, those to come too, where one is given and none was left before: by
// the main thread alone. Gives the one that was left; undefined where there is none.
int Shared(Call& call) {
  const char* text = call.Text(0);
  if (text && !shared_text) shared_text = strdup(text);
  call.OutText(shared_text);
  return text && !shared_text ? -ENOMEM : 0;
}

constexpr Function kFunctions[] = {{"shared", {kSharedText}, Shared}};

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
