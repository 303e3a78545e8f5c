// An independent witness, without any code of lib/: asks libsystemd for the units of processes.
//
//   unit-of PID...
//
// Prints a line for each: the unit, a tab, the unit of a user's manager; `-` for none.

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

// Declared here, so that the tests don't need sd-login.h.
int sd_pid_get_unit(pid_t pid, char** unit);
int sd_pid_get_user_unit(pid_t pid, char** unit);

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    const pid_t pid = atoi(argv[i]);
    char *unit = NULL, *user = NULL;
    const int has_unit = sd_pid_get_unit(pid, &unit) >= 0;
    const int has_user = sd_pid_get_user_unit(pid, &user) >= 0;
    printf("%s\t%s\n", has_unit ? unit : "-", has_user ? user : "-");
    free(unit);
    free(user);
  }
}
