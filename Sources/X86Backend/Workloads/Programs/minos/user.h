// What MinOS's processes have for themselves: system calls and output. Their text is one page or two that all of
// them share; what they write to is on their stacks and their heaps.

#ifndef USER_H
#define USER_H

#include "minos.h"

static inline u64 call(u64 number, u64 first, u64 second) {
  u64 result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(first), "S"(second)
                   : "rcx", "r11", "memory");
  return result;
}

static inline void leave(u64 status) {
  call(CALL_EXIT, status, 0);
  __builtin_unreachable();
}

static inline u64 length(const char *text) {
  u64 count = 0;
  while (text[count]) count++;
  return count;
}

static inline void say(const char *text) { call(CALL_WRITE, (u64)text, length(text)); }

// A line that is put together on the stack.
struct line {
  u64 count;
  char bytes[100];
};

static inline void add(struct line *line, const char *text) {
  while (*text) line->bytes[line->count++] = *text++;
}

static inline void add_decimal(struct line *line, u64 value) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count) line->bytes[line->count++] = digits[--count];
}

static inline void add_hex(struct line *line, uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) line->bytes[line->count++] = "0123456789abcdef"[value >> shift & 15];
}

static inline void print(struct line *line) {
  call(CALL_WRITE, (u64)line->bytes, line->count);
  line->count = 0;
}

#endif
