#include "CBench.h"

#include <stdlib.h>

/* Each function is the C in the head of Sources/ToyISA/Programs/NAME.asm. */

static uint32_t next(uint32_t x) { return x * 1664525u + 1013904223u; }

static uint32_t sieve(uint8_t *flag, uint32_t size, uint32_t rounds) {
  uint32_t total = 0;
  for (uint32_t round = 0; round < rounds; round++) {
    uint32_t *word = (uint32_t *)flag;
    for (uint32_t i = 0; i < size / 4; i++) word[i] = 0;
    for (uint32_t i = 2; i * i < size; i++)
      if (!flag[i])
        for (uint32_t j = i * i; j < size; j += i) flag[j] = 1;
    uint32_t composites = 0;
    for (uint32_t i = 2; i < size; i++) composites += flag[i];
    total += size - 2 - composites;
  }
  return total / rounds;
}

static uint32_t crc32(uint8_t *message, uint32_t size, uint32_t rounds) {
  uint32_t table[256];
  uint32_t x = 12345;
  for (uint32_t i = 0; i < size; i++) {
    x = next(x);
    message[i] = (uint8_t)(x >> 24);
  }
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = (c >> 1) ^ (-(c & 1) & 0xEDB88320u);
    table[i] = c;
  }
  uint32_t crc = 0xFFFFFFFFu;
  for (uint32_t round = 0; round < rounds; round++)
    for (uint32_t i = 0; i < size; i++) crc = (crc >> 8) ^ table[(crc ^ message[i]) & 0xFF];
  return ~crc;
}

static uint32_t matmul(uint32_t *ab, uint32_t size, uint32_t rounds) {
  uint32_t x = 12345, hash = 0;
  uint32_t *a = ab, *b = ab + (size_t)size * size, *c = ab + 2 * (size_t)size * size;
  for (uint32_t round = 0; round < rounds; round++) {
    for (uint32_t i = 0; i < 2 * size * size; i++) {
      x = next(x);
      ab[i] = x >> 16;
    }
    for (uint32_t i = 0; i < size; i++)
      for (uint32_t j = 0; j < size; j++) {
        uint32_t sum = 0;
        for (uint32_t k = 0; k < size; k++) sum += a[i * size + k] * b[k * size + j];
        hash = hash * 31 + sum;
        c[i * size + j] = sum;
      }
  }
  return hash;
}

static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint32_t bubblesort(uint32_t *a, uint32_t size, uint32_t rounds) {
  uint32_t x = 12345, hash = 0;
  for (uint32_t round = 0; round < rounds; round++) {
    for (uint32_t i = 0; i < size; i++) {
      x = next(x);
      a[i] = x;
    }
    for (uint32_t n = size - 1; n > 0; n--) {
      uint32_t carried = a[0];
      for (uint32_t i = 0; i < n; i++) {
        uint32_t following = a[i + 1];
        if (following < carried) {
          a[i] = following;
          a[i + 1] = carried;
        } else {
          carried = following;
        }
      }
    }
    for (uint32_t i = 0; i < size; i++) hash = hash * 31 + a[i];
  }
  return hash;
}

static void sort(uint32_t *lo, uint32_t *hi) {
  while (lo < hi) {
    uint32_t pivot = lo[(hi - lo) / 2], *i = lo, *j = hi;
    do {
      while (*i < pivot) i++;
      while (pivot < *j) j--;
      if (i <= j) {
        uint32_t kept = *i;
        *i = *j;
        *j = kept;
        i++;
        j--;
      }
    } while (i <= j);
    sort(lo, j);
    lo = i;
  }
}

static uint32_t quicksort(uint32_t *a, uint32_t size, uint32_t rounds) {
  uint32_t x = 12345, hash = 0;
  for (uint32_t round = 0; round < rounds; round++) {
    for (uint32_t i = 0; i < size; i++) {
      x = next(x);
      a[i] = x;
    }
    sort(a, a + size - 1);
    for (uint32_t i = 0; i < size; i++) hash = hash * 31 + a[i];
  }
  return hash;
}

uint32_t cbench_run(int program, uint32_t size, uint32_t rounds) {
  if (size == 0 || rounds == 0) return 0;
  if (program == CBENCH_FIB) return fib(size);
  size_t bytes = program == CBENCH_MATMUL ? (size_t)size * size * 12 : (size_t)size * 4;
  void *storage = calloc(1, bytes);
  if (!storage) return 0;
  uint32_t result = 0;
  switch (program) {
    case CBENCH_SIEVE: result = sieve(storage, size, rounds); break;
    case CBENCH_CRC32: result = crc32(storage, size, rounds); break;
    case CBENCH_MATMUL: result = matmul(storage, size, rounds); break;
    case CBENCH_BUBBLESORT: result = bubblesort(storage, size, rounds); break;
    case CBENCH_QUICKSORT: result = quicksort(storage, size, rounds); break;
    default: break;
  }
  free(storage);
  return result;
}
