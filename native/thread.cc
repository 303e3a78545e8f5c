// Texts that belong to the process: all its threads read them, whichever copy of this package they
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

enum ProcessText { kDescriptors, kManager, kProcessTexts };

// Never freed, because any thread may be reading one: each keeps the one that it has replaced.
struct Text {
  const Text* before;
  char bytes[1];
};

std::atomic<const Text*> texts[kProcessTexts];

const char* BytesOf(int which) {
  const Text* text = texts[which];
  return text ? text->bytes : nullptr;
}

}  // namespace

// The text that was left in this copy. Other copies look it up by this name, which changes with the
// meaning of the texts.
extern "C" __attribute__((visibility("default"))) const char* libsystemd_node_text_1(int which) {
  return which >= 0 && which < kProcessTexts ? BytesOf(which) : nullptr;
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
const char* TextOfProcess(ProcessText which) {
  if (const char* own = BytesOf(which)) return own;
  Addons addons;
  dl_iterate_phdr(NoteAddon, &addons);
  for (size_t i = 0; i < addons.count; i++) {
    void* function = FunctionOf(addons.paths[i], "libsystemd_node_text_1");
    const char* text =
        function ? reinterpret_cast<decltype(&libsystemd_node_text_1)>(function)(which) : nullptr;
    if (text) return text;
  }
  return nullptr;
}

// Leaves a text for all threads, those to come too, where one is given: by the main thread alone.
// Gives the one that is there; undefined where there is none. One that was left before is replaced
// and not freed, which costs little as few processes leave two.
template <ProcessText which>
int Shared(Call& call) {
  const char* text = call.Text(0);
  const size_t length = text ? strlen(text) : 0;
  auto* copy = text ? static_cast<Text*>(malloc(sizeof(Text) + length)) : nullptr;
  if (copy) {
    copy->before = texts[which];
    memcpy(copy->bytes, text, length + 1);
    texts[which] = copy;
  }
  call.OutText(TextOfProcess(which));
  return text && !copy ? -ENOMEM : 0;
}

constexpr Function kFunctions[] = {
    {"shared", {kSharedText}, Shared<kDescriptors>},
    {"remembered", {kSharedText}, Shared<kManager>},
};

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
