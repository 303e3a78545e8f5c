// An address of a socket, as the system calls that take one want it.
#ifndef LIBSYSTEMD_SOCKETS_ADDRESS_H_
#define LIBSYSTEMD_SOCKETS_ADDRESS_H_

#include <sys/socket.h>

#include <cstring>

#include "../call.h"

namespace libsystemd {

// An address with zeros behind it, because valgrind reads it as if it were a whole one of its
// family. No bytes: the peer that the socket is connected to.
class Address {
 public:
  Address(const Call& call, size_t place) : length_(call.IntLength(place)) {
    if (length_ > 0 && length_ <= sizeof(storage_)) memcpy(&storage_, call.Data(place), length_);
  }
  // The kernel refuses longer addresses too, but not before it has read the bytes, and an address
  // without a whole family, of which valgrind would read four gigabytes.
  bool Fits() const {
    return length_ == 0 || (length_ >= sizeof(sa_family_t) && length_ <= sizeof(storage_));
  }
  struct sockaddr* Get() {
    return length_ == 0 ? nullptr : reinterpret_cast<struct sockaddr*>(&storage_);
  }
  socklen_t Length() const { return length_; }

 private:
  struct sockaddr_storage storage_ = {};
  socklen_t length_;
};

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCKETS_ADDRESS_H_
