// Texts that the threads of a process share. Node's own way, node:worker_threads, takes longer to
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

std::atomic<const char*> remembered_text;

// Leaves another text for all threads, where one is given, in place of the one before, which is not
// freed either: few processes leave two. Gives the one that is there; undefined where there is
// none.
int Remembered(Call& call) {
  const char* text = call.Text(0);
  const char* copy = text ? strdup(text) : nullptr;
  if (copy) remembered_text = copy;
  call.OutText(remembered_text);
  return text && !copy ? -ENOMEM : 0;
}

constexpr Function kFunctions[] = {
    {"shared", {kSharedText}, Shared},
    {"remembered", {kSharedText}, Remembered},
};

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
