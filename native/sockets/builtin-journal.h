// The built-in functions of sd-journal.h that write, for a machine that has no libsystemd. They
// return what libsystemd 262 returns to the same call, and use only the C library.
#ifndef LIBSYSTEMD_SOCKETS_BUILTIN_JOURNAL_H_
#define LIBSYSTEMD_SOCKETS_BUILTIN_JOURNAL_H_

#include <sys/uio.h>

namespace libsystemd {
namespace builtin {

int sd_journal_sendv(const struct iovec* iov, int n);
int sd_journal_stream_fd(const char* identifier, int priority, int level_prefix);
// C's function takes a format; this is what it does with "%s".
int sd_journal_print(int priority, const char* text);

}  // namespace builtin
}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCKETS_BUILTIN_JOURNAL_H_
