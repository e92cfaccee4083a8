// Output on the first serial line, and ports.

#ifndef SERIAL_H
#define SERIAL_H

#include <stdint.h>

static inline void out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

__attribute__((unused)) static void serial_put(char byte) {
  while (!(in8(0x3F8 + 5) & 0x20)) {
  }
  out8(0x3F8, (uint8_t)byte);
}

#endif
