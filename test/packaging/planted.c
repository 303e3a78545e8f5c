// An add-on that nobody has asked for: says so in a file as soon as it is loaded, before Node looks at it.
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void ran(void) {
  close(open(WITNESS, O_CREAT | O_WRONLY, 0600));
}
