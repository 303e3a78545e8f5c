// libFuzzer on the decoder of the kernel's answer about the accept queue of a Unix socket.
#include "../../../native/sock-diag.h"

#include <cstddef>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  libsystemd::Queue queue;
  // libFuzzer's bytes end where their memory block ends, so that the sanitizer finds reads behind
  // them.
  const int result = libsystemd::ReadUnixReply(reinterpret_cast<const char*>(data),
                                               static_cast<int>(size), &queue);
  if (result > 0) abort();  // neither success nor an errno
  if (result < 0 && (queue.waiting != 0 || queue.limit != 0)) abort();
  return 0;
}
