// A list of the descriptors that a thread of JavaScript has opened by an add-on, and has neither
// closed nor released. They are closed at the thread's end, because a worker thread may be
// terminated at any moment, and then no JavaScript runs that would close them.
#ifndef LIBSYSTEMD_HELD_FDS_H_
#define LIBSYSTEMD_HELD_FDS_H_

#include "function.h"

namespace libsystemd {

// Makes the list of this thread. Called once, when the thread loads the add-on.
void StartHolding(napi_env env);

// Adds a descriptor to the thread's list. An older element with the number is removed: other code
// has closed its descriptor. Without memory the descriptor is not added. Ignores an -errno.
void Hold(napi_env env, int fd);

// Returns a result, and adds it to the thread's list when it is a descriptor and not -errno.
int HeldResult(const Call& call, int fd);

// True for a descriptor of the thread's list. False when other code has closed it: its number may
// belong to another file now.
bool IsHeld(napi_env env, int fd);

// What else a thread keeps beside the list.
enum class Beside { kWatcher, kPoll };

// Where the thread keeps it; nullptr without memory.
void** BesideHeldFds(napi_env env, Beside what);

// int close(int fd)
// For descriptors that an add-on has opened: fs.closeSync() refuses them in Deno, and warns about
// them in worker threads of Node.
int CloseFd(Call& call);

// Removes a descriptor from the thread's list without closing it: its new owner closes it.
int ReleaseFd(Call& call);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_HELD_FDS_H_
