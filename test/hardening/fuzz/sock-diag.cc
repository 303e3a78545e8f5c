// libFuzzer on the kernel's answer about a Unix socket's queue.
#include "../../../native/sock-diag.h"

#include <cstddef>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  libsystemd::Queue queue;
  // libFuzzer's bytes are in memory of their own, and end where that ends.
  const int result = libsystemd::ReadUnixReply(reinterpret_cast<const char*>(data),
                                               static_cast<int>(size), &queue);
  if (result > 0) abort();  // neither success nor an errno
  if (result < 0 && (queue.waiting != 0 || queue.limit != 0)) abort();
  return 0;
}
