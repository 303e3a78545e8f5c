// libFuzzer on the reader of a datagram's control messages.
#include "../../../native/sockets/control.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  libsystemd::Control control;
  // libFuzzer's bytes end where their memory block ends, so that the sanitizer finds reads behind
  // them.
  libsystemd::ReadControl(reinterpret_cast<const char*>(data), size, &control);
  if (control.count > libsystemd::kMostFds) abort();
  // Each descriptor and the credentials have bytes of their own in the message.
  if (control.count * sizeof(int) + (control.sender.pid ? sizeof(control.sender) : 0) > size)
    abort();
  return 0;
}
