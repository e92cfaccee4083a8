// Text in memory, for programs without a library.

#ifndef TEXT_H
#define TEXT_H

#include <stdint.h>

static char *append(char *to, const char *text) {
  while (*text) *to++ = *text++;
  return to;
}

static char *append_hex(char *to, uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[(value >> shift) & 15];
  return to;
}

static char *append_decimal(char *to, uint32_t value) {
  char digits[10];
  int count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  while (count) *to++ = digits[--count];
  return to;
}

#endif
