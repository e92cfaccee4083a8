// Quicksort with the middle element as pivot; the result weighs each value with its place.

#include "computations.h"

#define VALUES 1024

static void quicksort(uint32_t *values, int32_t low, int32_t high) {
  // Recursion on the smaller part only.
  while (low < high) {
    uint32_t pivot = values[low + (high - low) / 2];
    int32_t i = low, j = high;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        uint32_t value = values[i];
        values[i++] = values[j];
        values[j--] = value;
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

uint32_t sort(uint32_t round, uint32_t *state) {
  (void)round;
  uint32_t *values = arena;
  for (int32_t i = 0; i < VALUES; i++) values[i] = next_random(state);
  quicksort(values, 0, VALUES - 1);
  uint32_t sum = 0;
  for (int32_t i = 0; i < VALUES; i++) sum += values[i] * (uint32_t)(i + 1);
  return sum;
}
