// A planted add-on: it creates the file WITNESS as soon as it is loaded.
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void ran(void) {
  close(open(WITNESS, O_CREAT | O_WRONLY, 0600));
}
