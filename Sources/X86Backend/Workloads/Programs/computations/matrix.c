// Product of two square matrices of 32-bit integers.

#include "computations.h"

#define SIZE 24

uint32_t matrix(uint32_t round, uint32_t *state) {
  uint32_t *a = arena, *b = a + SIZE * SIZE, *c = b + SIZE * SIZE;
  if (round == 0)
    for (uint32_t i = 0; i < 2 * SIZE * SIZE; i++) a[i] = next_random(state) & 0xFFFF;
  a[round % (2 * SIZE * SIZE)] = next_random(state) & 0xFFFF;
  for (uint32_t i = 0; i < SIZE; i++)
    for (uint32_t j = 0; j < SIZE; j++) {
      uint32_t sum = 0;
      for (uint32_t k = 0; k < SIZE; k++) sum += a[i * SIZE + k] * b[k * SIZE + j];
      c[i * SIZE + j] = sum;
    }
  uint32_t sum = 0;
  for (uint32_t i = 0; i < SIZE * SIZE; i++) sum = sum * 31 + c[i];
  return sum;
}
