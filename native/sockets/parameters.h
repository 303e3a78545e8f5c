// All parameters of this add-on's functions, as in ../parameters.h.
#ifndef LIBSYSTEMD_SOCKETS_PARAMETERS_H_
#define LIBSYSTEMD_SOCKETS_PARAMETERS_H_

#define LIBSYSTEMD_PARAMETERS(X)              \
  X(kAddr, "addr", kBytes)                    \
  X(kAlive, "alive", kFlag)                   \
  X(kBuffer, "buffer", kBuffer)               \
  X(kBytesToWrite, "bytes", kBytes)           \
  X(kCallback, "callback", kFunction)         \
  X(kData, "data", kBuffer)                   \
  X(kEntry, "entry", kBuffer)                 \
  X(kEvents, "events", kInt)                  \
  X(kFamily, "family", kInt)                  \
  X(kFd, "fd", kInt)                          \
  X(kFds, "fds", kFds)                        \
  X(kFields, "fields", kBuffer)               \
  X(kFlags, "flags", kInt)                    \
  X(kHow, "how", kInt)                        \
  X(kId, "id", kInt)                          \
  X(kIdentifier, "identifier", kOptionalText) \
  X(kKeepsFds, "keeps_fds", kFlag)            \
  X(kLevel, "level", kInt)                    \
  X(kLengths, "lengths", kBuffer)             \
  X(kLevelPrefix, "level_prefix", kFlag)      \
  X(kMessageSize, "msgsize", kInt)            \
  X(kMessageText, "message", kText)           \
  X(kMode, "mode", kInt)                      \
  X(kMostMessages, "maxmsg", kInt)            \
  X(kName, "name", kText)                     \
  X(kNonBlocking, "nonblocking", kFlag)       \
  X(kOperation, "op", kInt)                   \
  X(kOptname, "optname", kInt)                \
  X(kOptval, "optval", kBytes)                \
  X(kOptvalRoom, "optval", kBuffer)           \
  X(kOtherFd, "fd", kInt)                     \
  X(kPath, "path", kText)                     \
  X(kPid, "pid", kInt)                        \
  X(kPriority, "priority", kInt)              \
  X(kProtocol, "protocol", kInt)              \
  X(kSize, "size", kInt)                      \
  X(kTimeout, "timeout", kInt)                \
  X(kTo, "to", kBuffer)                       \
  X(kType, "type", kInt)

#endif  // LIBSYSTEMD_SOCKETS_PARAMETERS_H_
