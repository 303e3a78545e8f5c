// All parameters of this add-on's functions, as in ../parameters.h.
#ifndef LIBSYSTEMD_SOCKETS_PARAMETERS_H_
#define LIBSYSTEMD_SOCKETS_PARAMETERS_H_

#define LIBSYSTEMD_PARAMETERS(X)        \
  X(kAddr, "addr", kBytes)              \
  X(kAlive, "alive", kFlag)             \
  X(kCallback, "callback", kFunction)   \
  X(kEntry, "entry", kBuffer)           \
  X(kEvents, "events", kInt)            \
  X(kFamily, "family", kInt)            \
  X(kFd, "fd", kInt)                    \
  X(kFlags, "flags", kInt)              \
  X(kId, "id", kInt)                    \
  X(kLevel, "level", kInt)              \
  X(kMode, "mode", kInt)                \
  X(kMostMessages, "maxmsg", kInt)      \
  X(kMessageSize, "msgsize", kInt)      \
  X(kName, "name", kText)               \
  X(kNonBlocking, "nonblocking", kFlag) \
  X(kOptname, "optname", kInt)          \
  X(kOptval, "optval", kBytes)          \
  X(kOptvalRoom, "optval", kBuffer)     \
  X(kOtherFd, "fd", kInt)               \
  X(kPath, "path", kText)               \
  X(kPid, "pid", kInt)                  \
  X(kProtocol, "protocol", kInt)        \
  X(kSize, "size", kInt)                \
  X(kTimeout, "timeout", kInt)          \
  X(kType, "type", kInt)

#endif  // LIBSYSTEMD_SOCKETS_PARAMETERS_H_
