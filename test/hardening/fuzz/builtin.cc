// libFuzzer on the built-in functions: its bytes choose a function, the arguments and the
// environment, and the function of libsystemd must do the same: return the same result and
// out-parameters, leave the same variables and the same descriptors open and close-on-exec, and
// send the same messages.
#include "../../../native/builtin.h"

#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

// After sys/socket.h, which the kernel headers of some distributions do not include themselves.
#include <linux/vm_sockets.h>

namespace {

using std::string;
using std::vector;

struct Functions {
#define X(name, parameters) int(*name) parameters;
  LIBSYSTEMD_FUNCTIONS(X)
#undef X
};

Functions library;
const Functions builtin = {
#define X(name, parameters) libsystemd::builtin::name,
    LIBSYSTEMD_FUNCTIONS(X)
#undef X
};

int version;      // of libsystemd
string folder;    // with sockets and files
int receivers[2]  // of notifications
    = {-1, -1};
constexpr int kFirst = 3, kLast = 40;

// --- What exists before all calls ---

void Check(bool is_good, const char* what) {
  if (!is_good) err(1, "%s", what);
}

int BindUnix(int type, const string& name) {
  const int fd = socket(AF_UNIX, type, 0);
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, name.data(), name.size());
  const bool is_path = name[0] != '\0';
  const socklen_t length = offsetof(struct sockaddr_un, sun_path) + name.size() + is_path;
  Check(bind(fd, reinterpret_cast<struct sockaddr*>(&address), length) == 0, "bind");
  if (type == SOCK_STREAM) Check(listen(fd, 5) == 0, "listen");
  return fd;
}

int BindInet(int family, int type) {
  const int fd = socket(family, type, 0);
  struct sockaddr_storage address = {};
  address.ss_family = family;
  // A kernel without IPv6 leaves the socket unbound.
  if (bind(fd, reinterpret_cast<struct sockaddr*>(&address),
           family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) == 0 &&
      type == SOCK_STREAM)
    Check(listen(fd, 5) == 0, "listen");
  return fd;
}

void LoadLibrary() {
  void* handle = dlopen("libsystemd.so.0", RTLD_NOW);
  if (!handle) errx(1, "%s", dlerror());
  struct link_map* map;
  Check(dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0, "dlinfo");
  char path[PATH_MAX];
  Check(realpath(map->l_name, path), map->l_name);
  // Each version adds 1 to the number of the file, and 252 has libsystemd.so.0.35.0.
  version = 217 + atoi(strstr(path, ".so.0.") + strlen(".so.0."));
  fprintf(stderr, "compared with %s\n", path);
#define X(name, parameters) \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #name));
  LIBSYSTEMD_FUNCTIONS(X)
#undef X
}

void RemoveFolder() {
  for (const char* name : {"stream", "dgram", "fifo", "file", "null", "notify"}) {
    unlink((folder + "/" + name).c_str());
  }
  rmdir(folder.c_str());
}

// Opens the descriptors from 3 on that the calls use.
void Prepare() {
  char pattern[] = "/tmp/libsystemd-fuzz-XXXXXX";
  Check(mkdtemp(pattern), pattern);
  folder = pattern;
  atexit(RemoveFolder);
  const auto in = [](const char* name) { return folder + "/" + name; };
  BindInet(AF_INET, SOCK_STREAM);
  BindInet(AF_INET6, SOCK_STREAM);
  BindInet(AF_INET, SOCK_DGRAM);
  BindInet(AF_INET6, SOCK_DGRAM);
  BindUnix(SOCK_STREAM, in("stream"));
  BindUnix(SOCK_DGRAM, in("dgram"));
  BindUnix(SOCK_SEQPACKET, string(1, '\0') + folder + string("\0\xff", 2));
  int pair[2];
  Check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  Check(pipe(pair) == 0, "pipe");
  Check(mkfifo(in("fifo").c_str(), 0600) == 0, "mkfifo");
  open(in("fifo").c_str(), O_RDWR);
  open(in("file").c_str(), O_RDWR | O_CREAT, 0600);
  open("/dev/null", O_RDWR);
  open(folder.c_str(), O_RDONLY);
  symlink("/dev/null", in("null").c_str());
  memfd_create("memory", 0);
  syscall(SYS_pidfd_open, getpid(), 0);
  receivers[0] = BindUnix(SOCK_DGRAM, in("notify"));
  receivers[1] = BindUnix(SOCK_DGRAM, string(1, '\0') + folder);
  for (const int fd : receivers) {
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
  }
  LoadLibrary();
}

// --- Choices from libFuzzer's bytes. Behind their end all bytes are 0. ---

struct Bytes {
  const uint8_t* at;
  const uint8_t* end;

  unsigned Byte() { return at < end ? *at++ : 0; }
  uint64_t Number() {
    uint64_t number = 0;
    for (unsigned i = Byte() % 9; i > 0; i--) number = number << 8 | Byte();
    return number;
  }
  bool Chance(unsigned percent) { return Byte() % 100 < percent; }

  template <typename T>
  T Pick(std::initializer_list<T> some) {
    return some.begin()[Byte() % some.size()];
  }

  string Text(const char* alphabet = nullptr) {
    string text;
    for (unsigned length = Byte() % 64; length > 0; length--) {
      const unsigned byte = Byte();
      const char c = alphabet ? alphabet[byte % strlen(alphabet)] : static_cast<char>(byte);
      if (c != '\0') text += c;
    }
    return text;
  }

  string NumberText() {
    if (Chance(30)) return std::to_string(Byte() % 24);
    if (Chance(30)) return std::to_string(Number());
    return Text("0123456789-+ \t\n\v\f\rxXoObBaAfFsS.:");
  }

  string PidText() {
    char text[64];
    const char* format = Pick({"%d", " %d", "+%d", "-%d", "%d ", "0x%x", "0X%x", "0%o", "0o%o"});
    snprintf(text, sizeof(text), format, getpid());
    return Chance(60) ? text : NumberText();
  }

  int Fd() { return Chance(80) ? kFirst + Byte() % 24 : static_cast<int>(Number()); }
  int Small() { return static_cast<int>(Byte()) - 2; }
  int Listening() { return static_cast<int>(Byte() % 4) - 1; }

  // A path, or NULL when `is_null` is set.
  string Path(bool* is_null) {
    *is_null = Chance(20);
    if (Chance(20)) return Text();
    const string name = Pick({"stream", "dgram", "fifo", "file", "null", "none", "file/x", ""});
    return folder + "/" + name;
  }

  string NotifySocket() {
    switch (Byte() % 8) {
      case 0:
        return Text();
      case 1:
        return "@" + Text() + Text();
      case 2:
        return "/" + Text() + Text();
      case 3: {
        // Never a socket that is connected to another machine: CID 1 is this one.
        const string type = Pick({":", "-dgram:", "-seqpacket:", "-x:"});
        const string cid =
            Pick({"1", "", "-1", " 1", "0x1", "4294967295", "4294967296", "-2", "x"});
        return "vsock" + type + cid + ":" + NumberText();
      }
      case 4:
        return folder + "/" + Pick({"stream", "file", "none", "."});
      case 5:
        return "@" + folder;
      default:
        return folder + "/notify";
    }
  }
};

// --- vsock(7), which many machines lack: the system calls are replaced in this process, for both
// sides. ---

struct {
  int fd = -1;   // the socket that stands for one of vsock(7)
  Bytes script;  // chooses the results of the calls
  string log;    // the calls
} vsock;

int Scripted(int result, std::initializer_list<int> errors) {
  const unsigned which = vsock.script.Byte() % (errors.size() + 1);
  if (which == 0) return result;
  errno = errors.begin()[which - 1];
  vsock.log += string(" ") + strerrorname_np(errno);
  return -1;
}

void Log(const char* call, std::initializer_list<long long> numbers) {
  vsock.log += string(" ") + call;
  for (const long long number : numbers) vsock.log += ":" + std::to_string(number);
}

template <typename F>
F* Real(F*, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

using Environment = vector<std::pair<const char*, string>>;

// The values that libsystemd answers otherwise from some version on: docs/libsystemd.md.
bool IsChanged(const char* name, const string& value) {
  const string variable = name;
  if (variable == "LISTEN_PIDFDID") return version < 259;
  if (variable != "NOTIFY_SOCKET" || version >= 255) return false;
  return (value[0] != '/' && value[0] != '@') || (version < 252 && value.size() > 107);
}

Environment ChooseEnvironment(Bytes* bytes) {
  Environment environment;
  const auto add = [&](const char* name, unsigned percent, auto choose) {
    if (!bytes->Chance(percent)) return;
    const string value = choose();
    if (!IsChanged(name, value)) environment.emplace_back(name, value);
  };
  add("LISTEN_PID", 90, [&] { return bytes->PidText(); });
  add("LISTEN_FDS", 90, [&] { return bytes->NumberText(); });
  add("LISTEN_FDNAMES", 70,
      [&] { return bytes->Chance(50) ? bytes->Text("ab:\\") : bytes->Text(); });
  add("LISTEN_PIDFDID", 20, [&] { return bytes->NumberText(); });
  add("WATCHDOG_USEC", 90, [&] { return bytes->NumberText(); });
  add("WATCHDOG_PID", 50, [&] { return bytes->PidText(); });
  add("NOTIFY_SOCKET", 90, [&] { return bytes->NotifySocket(); });
  return environment;
}

// --- One call, and everything that it does ---

using Outcome = string;

void Add(Outcome* outcome, const char* what, long long value) {
  *outcome += string(" ") + what + "=" + std::to_string(value);
}

// Receives what was sent, and closes the descriptors.
void Drain(Outcome* outcome) {
  for (const int fd : receivers) {
    for (;;) {
      char text[256];
      alignas(struct cmsghdr) char control[2048];
      struct iovec part = {text, sizeof(text)};
      struct msghdr message = {};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      const ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);
      if (size < 0) break;
      *outcome += " message=" + string(text, size);
      for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header;
           header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_type == SCM_CREDENTIALS) {
          struct ucred from;
          memcpy(&from, CMSG_DATA(header), sizeof(from));
          Add(outcome, "pid", from.pid);
          Add(outcome, "uid", from.uid);
          Add(outcome, "gid", from.gid);
        }
        if (header->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        Add(outcome, "fds", static_cast<long long>(count));
        for (size_t i = 0; i < count; i++) {
          int passed;
          memcpy(&passed, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
          struct stat status = {};
          fstat(passed, &status);
          Add(outcome, "mode", status.st_mode);
          close(passed);
        }
      }
    }
  }
}

// The names of the functions that the library lacks.
bool Lacks(unsigned which) {
  return !reinterpret_cast<void* const*>(&library)[which];
}

// A state. Older versions answer an empty one in the name of another process otherwise.
string State(Bytes* bytes) {
  const string text = bytes->Text();
  return text.empty() && version < 262 ? "X=1" : text;
}

// Calls one of the functions, with arguments from the bytes.
void CallOne(const Functions& sd, unsigned which, Bytes bytes, Outcome* outcome) {
  const bool unset = bytes.Chance(50);
  bool is_null = false;
  const auto path = [&]() -> string { return bytes.Path(&is_null); };
  const auto add = [&](int result) { Add(outcome, "result", result); };
  const int fd = bytes.Fd();
  switch (which) {
    case 0:
      return add(sd.sd_listen_fds(unset));
    case 1: {
      char** names = nullptr;
      const int result = sd.sd_listen_fds_with_names(unset, bytes.Chance(5) ? nullptr : &names);
      add(result);
      for (char** name = names; name && *name; name++) {
        *outcome += string(" name=") + *name;
        free(*name);
      }
      free(names);
      return;
    }
    case 2: {
      const string name = path();
      return add(sd.sd_is_fifo(fd, is_null ? nullptr : name.c_str()));
    }
    case 3: {
      const string name = path();
      return add(sd.sd_is_special(fd, is_null ? nullptr : name.c_str()));
    }
    case 4: {
      const int family = bytes.Small(), type = bytes.Small();
      return add(sd.sd_is_socket(fd, family, type, bytes.Listening()));
    }
    case 5: {
      const int family = bytes.Pick({0, AF_INET, AF_INET6, AF_UNIX, -1}), type = bytes.Small();
      const int listening = bytes.Listening();
      return add(sd.sd_is_socket_inet(fd, family, type, listening, bytes.Number()));
    }
    case 6: {
      // The address of a socket, with some other bytes; or only other bytes.
      struct sockaddr_storage address = {};
      socklen_t length = sizeof(address);
      if (bytes.Chance(80))
        getsockname(kFirst + bytes.Byte() % 4, (struct sockaddr*)&address, &length);
      auto* raw = reinterpret_cast<unsigned char*>(&address);
      for (unsigned i = bytes.Byte() % 4; i > 0; i--)
        raw[bytes.Byte() % sizeof(struct sockaddr_in6)] = bytes.Byte();
      if (bytes.Chance(20)) length = bytes.Byte() % 40;
      const int type = bytes.Small() % 4, listening = bytes.Listening();
      // A copy of exactly this length, so that the sanitizer finds a read behind its end.
      void* copy = malloc(length + 1);
      memcpy(copy, &address, length);
      add(sd.sd_is_socket_sockaddr(fd, type, bytes.Chance(2) ? nullptr : (struct sockaddr*)copy,
                                   length, listening));
      free(copy);
      return;
    }
    case 7: {
      const int type = bytes.Small(), listening = bytes.Listening();
      string name = path();
      if (bytes.Chance(30)) name = string(1, '\0') + folder + string("\0\xff", 2);
      const size_t length = bytes.Chance(50)   ? name.size()
                            : bytes.Chance(50) ? 0
                                               : bytes.Byte() % (name.size() + 1);
      return add(
          sd.sd_is_socket_unix(fd, type, listening, is_null ? nullptr : name.c_str(), length));
    }
    case 8: {
      const string name = path();
      return add(sd.sd_is_mq(fd, is_null ? nullptr : name.c_str()));
    }
    case 9:
      return add(sd.sd_notify(unset, bytes.Text().c_str()));
    case 10: {
      const pid_t pid = bytes.Pick({0, getpid(), getppid(), 1, -1});
      return add(sd.sd_pid_notify(pid, unset, State(&bytes).c_str()));
    }
    case 11: {
      const pid_t pid = bytes.Pick({0, getpid(), getppid(), 1, -1});
      const bool no_state = bytes.Chance(3), no_fds = bytes.Chance(3);
      const string state = State(&bytes);
      vector<int> fds(bytes.Chance(5) && version >= 257 ? 250 + bytes.Byte() % 8
                                                        : bytes.Byte() % 5);
      for (int& each : fds) each = fds.size() > 9 ? kFirst : bytes.Fd();
      return add(sd.sd_pid_notify_with_fds(pid, unset, no_state ? nullptr : state.c_str(),
                                           no_fds ? nullptr : fds.data(), fds.size()));
    }
    // Nobody closes the pipe meanwhile, so a barrier that is sent takes the whole time.
    case 12:
      return add(sd.sd_notify_barrier(unset, bytes.Byte() % 2 * 100));
    case 13: {
      const pid_t pid = bytes.Pick({0, getpid(), getppid(), -1});
      return add(sd.sd_pid_notify_barrier(pid, unset, bytes.Byte() % 2 * 100));
    }
    case 14: {
      uint64_t id = 0;
      add(sd.sd_pidfd_get_inode_id(fd, &id));
      return Add(outcome, "id", static_cast<long long>(id));
    }
    case 15:
      return add(sd.sd_booted());
    default: {
      uint64_t usec = 0;
      add(sd.sd_watchdog_enabled(unset, &usec));
      return Add(outcome, "usec", static_cast<long long>(usec));
    }
  }
}

Outcome Run(const Functions& sd, unsigned which, const Bytes& bytes,
            const Environment& environment) {
  vsock.fd = -1;
  vsock.script = {bytes.at + (bytes.end - bytes.at) / 2, bytes.end};
  vsock.log = "";
  clearenv();
  for (const auto& [name, value] : environment) setenv(name, value.c_str(), 1);
  for (int fd = kFirst; fd <= kLast; fd++) fcntl(fd, F_SETFD, 0);
  Outcome outcome;
  CallOne(sd, which, bytes, &outcome);
  outcome += vsock.log;
  vsock.fd = -1;
  Drain(&outcome);
  for (char** variable = environ; variable && *variable; variable++)
    outcome += string(" ") + *variable;
  for (int fd = kFirst; fd <= kLast; fd++) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) Add(&outcome, flags ? "cloexec" : "open", fd);
  }
  return outcome;
}

}  // namespace

extern "C" {

int socket(int family, int type, int protocol) {
  const auto real = Real(socket, "socket");
  if (family != AF_VSOCK) return real(family, type, protocol);
  Log("socket", {type, protocol});
  if (Scripted(0, {ENODEV, ESOCKTNOSUPPORT, EAFNOSUPPORT, EMFILE, EPERM, ENOSYS}) < 0) return -1;
  return vsock.fd = real(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int bind(int fd, const struct sockaddr* address, socklen_t length) {
  if (fd != vsock.fd) return Real(bind, "bind")(fd, address, length);
  struct sockaddr_vm to;
  memcpy(&to, address, sizeof(to));
  Log("bind", {to.svm_family, to.svm_cid, to.svm_port, length});
  return Scripted(0, {EADDRINUSE, EADDRINUSE, EACCES, EPERM, ENOMEM});
}

int connect(int fd, const struct sockaddr* address, socklen_t length) {
  if (fd != vsock.fd) return Real(connect, "connect")(fd, address, length);
  struct sockaddr_vm to;
  memcpy(&to, address, sizeof(to));
  Log("connect", {to.svm_family, to.svm_cid, to.svm_port, length});
  return Scripted(0, {ECONNRESET, EINTR, ENODEV});
}

ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  if (fd != vsock.fd) return Real(sendmsg, "sendmsg")(fd, message, flags);
  const struct iovec& text = message->msg_iov[0];
  Log("sendmsg", {flags, message->msg_namelen, (long long)message->msg_iovlen});
  vsock.log += " '" + string(static_cast<const char*>(text.iov_base), text.iov_len) + "'";
  vsock.log += string(static_cast<const char*>(message->msg_name), message->msg_namelen);
  // libsystemd 262 aborts when a part was sent with credentials, and the next part fails.
  bool is_whole = text.iov_len == 0;
  for (struct cmsghdr* header = CMSG_FIRSTHDR(message); header;
       header = CMSG_NXTHDR(const_cast<struct msghdr*>(message), header)) {
    Log("control", {header->cmsg_level, header->cmsg_type, (long long)header->cmsg_len});
    if (header->cmsg_type != SCM_CREDENTIALS) continue;
    is_whole = true;
    struct ucred from;
    memcpy(&from, CMSG_DATA(header), sizeof(from));
    Log("from", {from.pid, from.uid, from.gid});
  }
  const size_t part =
      !vsock.script.Chance(75) && !is_whole ? vsock.script.Byte() % text.iov_len : text.iov_len;
  return Scripted(static_cast<int>(part), {EPERM, ENOTCONN, EINTR});
}

int shutdown(int fd, int how) {
  if (fd != vsock.fd) return Real(shutdown, "shutdown")(fd, how);
  Log("shutdown", {how});
  return Scripted(0, {ENOTCONN});
}

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  if (fd != vsock.fd) return Real(recv, "recv")(fd, buffer, size, flags);
  Log("recv", {(long long)size, flags});
  return Scripted(vsock.script.Chance(80) ? 0 : 1, {ECONNRESET, EINTR});
}
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  Prepare();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr unsigned kFunctions = sizeof(Functions) / sizeof(void*);
  // On a busy machine the time of a barrier may pass in one of the two calls, but not each time.
  constexpr int kAttempts = 5;
  Outcome expected, found;
  Environment environment;
  unsigned which = 0;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    Bytes bytes = {data, data + size};
    which = bytes.Byte() % kFunctions;
    if (Lacks(which)) return 0;
    environment = ChooseEnvironment(&bytes);
    expected = Run(library, which, bytes, environment);
    found = Run(builtin, which, bytes, environment);
    if (found == expected) return 0;
  }
  fprintf(stderr, "function %u:", which);
  for (const auto& [name, value] : environment) fprintf(stderr, " %s='%s'", name, value.c_str());
  fprintf(stderr, "\nlibsystemd:%s\nbuilt in:  %s\n", expected.c_str(), found.c_str());
  abort();
}
