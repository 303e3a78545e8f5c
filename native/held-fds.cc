#include "held-fds.h"

#include <cstdlib>
#include <utility>

#include "system.h"

namespace libsystemd {
namespace {

struct HeldFd {
  int fd;
  uint64_t inode;
  HeldFd* next;
};

// What an add-on keeps for each thread that has loaded it.
struct State {
  HeldFd* first;
  void* beside[2];
};

// The inode number; 0 when the descriptor is not open.
uint64_t InodeOf(int fd) {
  struct statx status;
  return Stat(fd, &status) < 0 ? 0 : status.stx_ino;
}

State* StateOf(napi_env env) {
  void* state = nullptr;
  napi_get_instance_data(env, &state);
  return static_cast<State*>(state);
}

void Release(State* state, int fd) {
  for (HeldFd** at = &state->first; *at; at = &(*at)->next) {
    if ((*at)->fd != fd) continue;
    free(std::exchange(*at, (*at)->next));
    return;
  }
}

// Runs at the end of a thread. The inode is compared, because the number may belong to another
// descriptor by now: the thread may have been terminated after Node took the descriptor and closed
// it, and before the descriptor was released.
void CloseHeld(napi_env, void* data, void*) {
  auto* state = static_cast<State*>(data);
  while (HeldFd* held = state->first) {
    if (InodeOf(held->fd) == held->inode) close(held->fd);
    state->first = held->next;
    free(held);
  }
  free(state);
}

}  // namespace

void StartHolding(napi_env env) {
  napi_set_instance_data(env, calloc(1, sizeof(State)), CloseHeld, nullptr);
}

void Hold(napi_env env, int fd) {
  State* state = StateOf(env);
  if (fd < 0 || !state) return;
  Release(state, fd);
  auto* held = static_cast<HeldFd*>(malloc(sizeof(HeldFd)));
  if (!held) return;
  *held = {fd, InodeOf(fd), state->first};
  state->first = held;
}

int HeldResult(const Call& call, int fd) {
  Hold(call.Env(), fd);
  return fd;
}

bool IsHeld(napi_env env, int fd) {
  const State* state = StateOf(env);
  for (const HeldFd* at = state ? state->first : nullptr; at; at = at->next) {
    if (at->fd == fd) return InodeOf(fd) == at->inode;
  }
  return false;
}

void** BesideHeldFds(napi_env env, Beside what) {
  State* state = StateOf(env);
  return state ? &state->beside[static_cast<int>(what)] : nullptr;
}

int ReleaseFd(Call& call) {
  if (State* state = StateOf(call.Env())) Release(state, call.Int(0));
  return 0;
}

int CloseFd(Call& call) {
  ReleaseFd(call);
  return OrErrno(close(call.Int(0)));
}

}  // namespace libsystemd
