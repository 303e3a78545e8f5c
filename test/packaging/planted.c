// An add-on that nobody has asked for: as soon as it is loaded it says so in a file.
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void ran(void) {
  close(open(WITNESS, O_CREAT | O_WRONLY, 0600));
}
