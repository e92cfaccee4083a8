// Fibonacci numbers by double recursion: calls and returns.

#include "computations.h"

static __attribute__((noinline)) uint32_t fib(uint32_t n) {
  // The compiler may not turn one of the calls into a loop.
  if (n < 2) return n;
  uint32_t first = fib(n - 1);
  __asm__ volatile("" : "+r"(first));
  uint32_t second = fib(n - 2);
  __asm__ volatile("" : "+r"(second));
  return first + second;
}

uint32_t fibonacci(uint32_t round, uint32_t *state) {
  (void)state;
  return fib(16 + (round & 1));
}
