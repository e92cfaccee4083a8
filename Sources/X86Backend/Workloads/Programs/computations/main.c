// Runs the computation that the parameters name and prints its result: by system calls in ring 3,
// else on the serial line.

#include "../text.h"
#include "computations.h"

// The loader writes here: number of the computation and rounds.
struct parameters {
  uint32_t number, rounds;
};

static const char *const names[] = {"sieve",  "crc", "sort",     "matrix", "fibonacci",
                                    "search", "sha", "bytecode", "records"};
static char line[64];

static char *report(uint32_t number, uint32_t rounds) {
  char *end = append(line, number < sizeof names / sizeof *names ? names[number] : "no such computation");
  end = append(append_decimal(append(end, ", "), BITS), " bits, rounds ");
  end = append(append_decimal(end, rounds), ": ");
  end = append_hex(end, compute(number, rounds));
  return append(end, "\n");
}

#if BITS == 64
volatile struct parameters parameters __attribute__((section(".data"))) = {0, 1};

static void system_call(uint64_t number, uint64_t first, uint64_t second) {
  __asm__ volatile("syscall"
                   : "+a"(number), "+D"(first), "+S"(second)
                   :
                   : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
}

void user_main(void) {
  const char *end = report(parameters.number, parameters.rounds);
  system_call(0, (uint64_t)line, (uint64_t)(end - line));
  system_call(1, 0, 0);
}
#else
#include "serial.h"

#if BITS == 32
volatile struct parameters parameters __attribute__((section(".data"))) = {0, 1};
#else
// At a fixed place behind the image's first jump.
extern volatile struct parameters parameters;
#endif

int kernel_main(void) {
  const char *end = report(parameters.number, parameters.rounds);
  for (const char *at = line; at < end; at++) serial_put(*at);
  return 0;
}
#endif
