// Nine computations, each written once and built for 16, 32 and 64 bits.
//
// Each function does one round and gives a number; `state` is the random generator's and goes on from
// round to round. All data lie in one arena, small enough for a real-mode segment.

#ifndef COMPUTATIONS_H
#define COMPUTATIONS_H

#include <stdint.h>

#define ARENA_WORDS 4096

extern uint32_t arena[ARENA_WORDS];

uint32_t sieve(uint32_t round, uint32_t *state);
uint32_t crc(uint32_t round, uint32_t *state);
uint32_t sort(uint32_t round, uint32_t *state);
uint32_t matrix(uint32_t round, uint32_t *state);
uint32_t fibonacci(uint32_t round, uint32_t *state);
uint32_t search(uint32_t round, uint32_t *state);
uint32_t sha256(uint32_t round, uint32_t *state);
uint32_t bytecode(uint32_t round, uint32_t *state);
uint32_t records(uint32_t round, uint32_t *state);

// All rounds of a computation: each result goes into the sum.
uint32_t compute(uint32_t number, uint32_t rounds);

// One step of the xorshift32 generator (Marsaglia 2003).
static inline uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

#endif
