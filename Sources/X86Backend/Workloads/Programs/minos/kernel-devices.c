// MinOS: serial console, local APIC timer, interrupt controllers, disk.

#include "kernel.h"

void put_bytes(const char *bytes, u64 count) {
  for (u64 i = 0; i < count; i++) serial_put(bytes[i]);
}

void put(const char *text) {
  while (*text) serial_put(*text++);
}

void put_decimal(u64 value) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count) serial_put(digits[--count]);
}

void put_hex(u64 value) {
  for (int shift = 60; shift >= 0; shift -= 4) serial_put("0123456789abcdef"[value >> shift & 15]);
}

static volatile uint32_t *apic(u64 offset) { return (volatile uint32_t *)(0xFEE00000ull + offset); }

void start_devices(void) {
  // The 8259 pair is not used: every line masked.
  out8(0x21, 0xFF);
  out8(0xA1, 0xFF);
  *apic(0xF0) = 0x100 | 255;       // on; vector of spurious interrupts
  *apic(0x350) = 0x10000;          // input 0, the 8259: masked
  *apic(0x320) = 0x20000 | TIMER;  // timer: periodic
  *apic(0x3E0) = 0xB;              // divided by 1
  *apic(0x380) = QUANTUM;
  out8(0x3F6, 2);                  // the disk interrupts nobody
}

void end_of_interrupt(void) { *apic(0xB0) = 0; }

static inline void out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint16_t in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

// Gives a command for one sector; whether the disk is ready for its data.
static int disk_command(u64 sector, uint8_t command) {
  if (sector >> 28) return 0;
  out8(0x1F6, (uint8_t)(0xE0 | sector >> 24));
  out8(0x1F2, 1);
  out8(0x1F3, (uint8_t)sector);
  out8(0x1F4, (uint8_t)(sector >> 8));
  out8(0x1F5, (uint8_t)(sector >> 16));
  out8(0x1F7, command);
  uint8_t status;
  while ((status = in8(0x1F7)) & 0x80) {
  }
  return (status & 0x09) == 0x08;
}

int disk_read(u64 sector, uint16_t *words) {
  if (!disk_command(sector, 0x20)) return 0;
  for (int i = 0; i < 256; i++) words[i] = in16(0x1F0);
  return 1;
}

int disk_write(u64 sector, const uint16_t *words) {
  if (!disk_command(sector, 0x30)) return 0;
  for (int i = 0; i < 256; i++) out16(0x1F0, words[i]);
  return !(in8(0x1F7) & 0x01);
}
