// All parameters of the add-on's functions: X(constant, name, type). The name, which errors show,
// is that of the man page. Type is in call.h.
#ifndef LIBSYSTEMD_PARAMETERS_H_
#define LIBSYSTEMD_PARAMETERS_H_

#define LIBSYSTEMD_PARAMETERS(X)        \
  X(kAddr, "addr", kBytes)              \
  X(kAddress, "address", kBytes)        \
  X(kAf, "af", kInt)                    \
  X(kBacklog, "backlog", kInt)          \
  X(kBuffer, "buffer", kBuffer)         \
  X(kCount, "count", kInt)              \
  X(kDst, "dst", kBuffer)               \
  X(kFamily, "family", kInt)            \
  X(kFd, "fd", kInt)                    \
  X(kFds, "fds", kFds)                  \
  X(kFlags, "flags", kInt)              \
  X(kLevel, "level", kInt)              \
  X(kListening, "listening", kInt)      \
  X(kList, "list", kText)               \
  X(kLowest, "lowest", kInt)            \
  X(kName, "name", kText)               \
  X(kOffset, "offset", kOffset)         \
  X(kOptname, "optname", kInt)          \
  X(kPath, "path", kOptionalText)       \
  X(kPid, "pid", kInt)                  \
  X(kPidfd, "pidfd", kInt)              \
  X(kPidfdId, "pidfdid", kText)         \
  X(kPort, "port", kUint16)             \
  X(kReceiver, "address", kBuffer)      \
  X(kSeals, "seals", kInt)              \
  X(kSharedText, "text", kOptionalText) \
  X(kSrc, "src", kText)                 \
  X(kSrcBytes, "src", kBytes)           \
  X(kState, "state", kText)             \
  X(kTimeout, "timeout_usec", kUint64)  \
  X(kType, "type", kInt)                \
  X(kUnixPath, "path", kUnixPath)       \
  X(kUnsetEnvironment, "unset_environment", kFlag)

#endif  // LIBSYSTEMD_PARAMETERS_H_
