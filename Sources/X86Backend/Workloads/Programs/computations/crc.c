// CRC-32 of IEEE 802.3, reflected, by a table made in the first round.

#include "computations.h"

#define BYTES 4096

uint32_t crc(uint32_t round, uint32_t *state) {
  uint32_t *table = arena;
  uint32_t *words = arena + 256;
  if (round == 0) {
    for (uint32_t n = 0; n < 256; n++) {
      uint32_t c = n;
      for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
      table[n] = c;
    }
    for (uint32_t i = 0; i < BYTES / 4; i++) words[i] = next_random(state);
  }
  words[round & (BYTES / 4 - 1)] = next_random(state);
  const uint8_t *bytes = (const uint8_t *)words;
  uint32_t c = 0xFFFFFFFFu;
  for (uint32_t i = 0; i < BYTES; i++) c = table[(c ^ bytes[i]) & 0xFF] ^ (c >> 8);
  return ~c;
}
