// A text that belongs to the process: all its threads read it, whichever copy of this package they
// have loaded. Node's own way, node:worker_threads, takes longer to load than a service should wait
// when it starts, and knows nothing of other copies.
#include <link.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "addon.h"
#include "libsystemd.h"

namespace {

// Never freed, because any thread may be reading it, and so never replaced.
std::atomic<const char*> shared_text;

}  // namespace

// The text that was left in this copy. Other copies look it up by this name, which changes with the
// meaning of the text.
extern "C" __attribute__((visibility("default"))) const char* libsystemd_node_shared_text_1() {
  return shared_text;
}

namespace libsystemd {
namespace {

// The paths of the add-ons that the process has loaded. Collected first, because another thread
// that loads a library takes the two locks of dl_iterate_phdr() and dlopen() in the other order.
struct Addons {
  static constexpr size_t kMost = 64;
  char* paths[kMost];
  size_t count = 0;

  ~Addons() {
    while (count > 0) free(paths[--count]);
  }
};

bool EndsWith(const char* text, const char* ending) {
  const size_t length = strlen(text), tail = strlen(ending);
  return length >= tail && strcmp(text + length - tail, ending) == 0;
}

int NoteAddon(dl_phdr_info* info, size_t, void* data) {
  auto* addons = static_cast<Addons*>(data);
  if (!EndsWith(info->dlpi_name, ".node") || addons->count == Addons::kMost) return 0;
  if (char* path = strdup(info->dlpi_name)) addons->paths[addons->count++] = path;
  return 0;
}

// The text that any copy of this package in the process was left.
const char* TextOfProcess() {
  if (shared_text) return shared_text;
  Addons addons;
  dl_iterate_phdr(NoteAddon, &addons);
  for (size_t i = 0; i < addons.count; i++) {
    void* function = FunctionOf(addons.paths[i], "libsystemd_node_shared_text_1");
    const char* text =
        function ? reinterpret_cast<decltype(&libsystemd_node_shared_text_1)>(function)() : nullptr;
    if (text) return text;
  }
  return nullptr;
}

// Leaves a text for all threads, those to come too, where one is given and none was left before: by
// the main thread alone. Gives the one that was left; undefined where there is none.
int Shared(Call& call) {
  const char* text = call.Text(0);
  const char* left = TextOfProcess();
  if (text && !left) shared_text = left = strdup(text);
  call.OutText(left);
  return text && !left ? -ENOMEM : 0;
}

constexpr Function kFunctions[] = {{"shared", {kSharedText}, Shared}};

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
