// Texts that belong to the process: every thread reads the same ones, whichever copy of this
// package the thread has loaded. Node's own means, node:worker_threads, takes too long to load at
// the start of a service, and does not reach other copies of the package.
#include <link.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "addon.h"
#include "libsystemd.h"

namespace {

enum ProcessText { kDescriptors, kManager, kProcessTexts };

// A text is never freed, because another thread may be reading it. `before` is the text that this
// one has replaced, so that a leak checker sees that text as still in use.
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

// The text that was stored in this copy of the add-on. Other copies find this function by its name.
// The number in the name changes with the meaning of the texts.
extern "C" __attribute__((visibility("default"))) const char* libsystemd_node_text_2(int which) {
  return which >= 0 && which < kProcessTexts ? BytesOf(which) : nullptr;
}

namespace libsystemd {
namespace {

// The paths of the add-ons that the process has loaded. They are collected first and opened later:
// to call dlopen() inside dl_iterate_phdr() could deadlock with another thread that loads a
// library, because that thread takes the locks of both functions in the opposite order.
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

// The text that was stored in any copy of the add-on in this process; nullptr when there is none.
const char* TextOfProcess(ProcessText which) {
  if (const char* own = BytesOf(which)) return own;
  Addons addons;
  dl_iterate_phdr(NoteAddon, &addons);
  for (size_t i = 0; i < addons.count; i++) {
    void* function = FunctionOf(addons.paths[i], "libsystemd_node_text_2");
    const char* text =
        function ? reinterpret_cast<decltype(&libsystemd_node_text_2)>(function)(which) : nullptr;
    if (text) return text;
  }
  return nullptr;
}

// Room for a text of this length; nullptr without memory.
Text* NewText(size_t length) {
  return static_cast<Text*>(malloc(sizeof(Text) + length));
}

// From now on all threads read this text, also threads that start later. Only the main thread may
// call this. The text before it is not freed, which costs little, because few processes store more
// than one or two.
void Store(ProcessText which, Text* text) {
  text->before = texts[which];
  texts[which] = text;
}

// Stores a text when JavaScript passes one. Returns the stored text; undefined when there is none.
template <ProcessText which>
int Shared(Call& call) {
  const char* text = call.Text(0);
  const size_t length = text ? strlen(text) : 0;
  Text* copy = text ? NewText(length) : nullptr;
  if (copy) {
    memcpy(copy->bytes, text, length + 1);
    Store(which, copy);
  }
  call.OutText(TextOfProcess(which));
  return text && !copy ? -ENOMEM : 0;
}

// Stores the list of inherited descriptors: a line with a text, and a line with bytes as
// hexadecimal digits. Returns 0 or -ENOMEM. JavaScript would make a lot of garbage to put the text
// together.
int ShareList(Call& call) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const size_t length = strlen(call.Text(0)), bytes = call.Length(1);
  Text* list = NewText(length + strlen("\n") + 2 * bytes);
  if (!list) return -ENOMEM;
  memcpy(list->bytes, call.Text(0), length);
  char* to = list->bytes + length;
  *to++ = '\n';
  const auto* from = static_cast<const unsigned char*>(call.Data(1));
  for (size_t i = 0; i < bytes; i++) {
    const unsigned byte = from[i];
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
  *to = '\0';
  Store(kDescriptors, list);
  return 0;
}

constexpr Function kFunctions[] = {
    {"shared", {kSharedText}, Shared<kDescriptors>},
    {"share_list", {kList, kBuffer}, ShareList},
    {"remembered", {kSharedText}, Shared<kManager>},
};

}  // namespace

void ExportThread(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
