// An add-on with mistakes, with which tests check that the sanitizers and valgrind find them.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static char* volatile kept;

static void leak(void) {
  // Many, because a stale pointer on the stack may make one of them look reachable.
  for (int i = 0; i < 100; i++) kept = strdup("leaked");
  kept = NULL;
}

static void overflow(void) {
  kept = malloc(8);
  kept[8] = 0;
}

static void undefined(void) {
  volatile int number = INT_MAX;
  number++;
}

static void unset(void) {
  char* volatile memory = malloc(1);
  if (memory[0] == 'x') abort();
  free(memory);
}

void* napi_register_module_v1(void* env, void* exports) {
  (void)env;
  const char* mistakes = getenv("CANARY");
  if (strstr(mistakes, "leak")) leak();
  if (strstr(mistakes, "unset")) unset();
  if (strstr(mistakes, "overflow")) overflow();
  if (strstr(mistakes, "undefined")) undefined();
  return exports;
}
