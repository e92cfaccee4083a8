// Substring search after Horspool (1980): number and places of a pattern in a text of four letters.

#include "computations.h"

#define TEXT 4096
#define PATTERN 5

uint32_t search(uint32_t round, uint32_t *state) {
  uint8_t *text = (uint8_t *)arena;
  uint8_t *skip = text + TEXT;
  if (round == 0)
    for (uint32_t i = 0; i < TEXT; i++) text[i] = (uint8_t)("acgt"[next_random(state) >> 30]);
  uint32_t result = 0;
  for (int pass = 0; pass < 4; pass++) {
    uint8_t pattern[PATTERN];
    uint32_t from = next_random(state) % (TEXT - PATTERN);
    for (uint32_t i = 0; i < PATTERN; i++) pattern[i] = text[from + i];
    for (uint32_t i = 0; i < 256; i++) skip[i] = PATTERN;
    for (uint32_t i = 0; i + 1 < PATTERN; i++) skip[pattern[i]] = (uint8_t)(PATTERN - 1 - i);
    for (uint32_t at = 0; at + PATTERN <= TEXT; at += skip[text[at + PATTERN - 1]]) {
      uint32_t i = PATTERN;
      while (i > 0 && text[at + i - 1] == pattern[i - 1]) i--;
      if (i == 0) result = result * 33 + at;
    }
  }
  return result;
}
