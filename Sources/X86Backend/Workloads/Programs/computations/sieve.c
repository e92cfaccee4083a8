// The sieve of Eratosthenes: number of primes and the last one.

#include "computations.h"

uint32_t sieve(uint32_t round, uint32_t *state) {
  (void)state;
  uint8_t *struck = (uint8_t *)arena;
  uint32_t limit = 8000 + (round & 127);
  for (uint32_t i = 0; i < limit; i++) struck[i] = 0;
  for (uint32_t i = 2; i * i < limit; i++)
    if (!struck[i])
      for (uint32_t k = i * i; k < limit; k += i) struck[k] = 1;
  uint32_t count = 0, last = 0;
  for (uint32_t i = 2; i < limit; i++)
    if (!struck[i]) {
      count++;
      last = i;
    }
  return count << 16 | last;
}
