// The computations that the 32-bit and the 64-bit program share, and number output.

#ifndef WORK_H
#define WORK_H

#include <stdint.h>

#include "text.h"

// One step of the xorshift32 generator (Marsaglia 2003).
static uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  *state = x;
  return x;
}

// CRC-32 of IEEE 802.3, reflected, by a table made on the spot.
static uint32_t crc_table[256];

static void make_crc_table(void) {
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    crc_table[n] = c;
  }
}

static uint32_t crc32(const uint8_t *bytes, uint32_t count) {
  uint32_t c = 0xFFFFFFFFu;
  for (uint32_t i = 0; i < count; i++) c = crc_table[(c ^ bytes[i]) & 0xFF] ^ (c >> 8);
  return ~c;
}

// Quicksort with the middle element as pivot; recursion on the smaller part only.
static void quicksort(uint32_t *values, int32_t low, int32_t high) {
  while (low < high) {
    uint32_t pivot = values[low + (high - low) / 2];
    int32_t i = low, j = high;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        uint32_t value = values[i];
        values[i] = values[j];
        values[j] = value;
        i++;
        j--;
      }
    }
    if (j - low < high - i) {
      quicksort(values, low, j);
      low = i;
    } else {
      quicksort(values, i, high);
      high = j;
    }
  }
}

static int is_sorted(const uint32_t *values, int32_t count) {
  for (int32_t i = 1; i < count; i++)
    if (values[i - 1] > values[i]) return 0;
  return 1;
}

#endif
