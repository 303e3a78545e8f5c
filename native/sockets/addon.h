// How each source file adds its functions to the exports of the second add-on.
#ifndef LIBSYSTEMD_SOCKETS_ADDON_H_
#define LIBSYSTEMD_SOCKETS_ADDON_H_

#include "../function.h"

namespace libsystemd {

void ExportSockets(Napi::Object exports);      // socket(2), bind(2), mkfifo(3), mq_open(3)
void ExportDescriptors(Napi::Object exports);  // fcntl(2), kcmp(2), pidfd_open(2)
void ExportMessages(Napi::Object exports);     // sendmsg(2), recvmmsg(2), connect(2), shutdown(2)
void ExportReadiness(Napi::Object exports);    // epoll(7) in the event loop
void ExportWatcher(Napi::Object exports);      // the thread that receives and watches
void ExportJournal(Napi::Object exports);      // journal entries, without waiting
void ExportSdJournal(Napi::Object exports);    // sd-journal.h

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCKETS_ADDON_H_
