// Ring 0 of the 64-bit program: its page tables, its trap gates and its one service.

#include "serial.h"

#define PRESENT 1ull
#define WRITABLE 2ull
#define USER 4ull
#define LARGE 0x80ull

#define USER_START 0x400000u
#define USER_PAGES 256

uint64_t pml4[512] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t directory[512] __attribute__((aligned(4096)));
static uint64_t user_table[512] __attribute__((aligned(4096)));

struct gate {
  uint16_t offset_low, selector, attributes, offset_middle;
  uint32_t offset_high, reserved;
};
struct gate idt[32];

void bad_trap(void);
void page_fault(void);

static void make_gate(int vector, void (*handler)(void)) {
  uint64_t offset = (uint64_t)handler;
  // Present, ring 0 only, 64-bit interrupt gate.
  idt[vector] = (struct gate){(uint16_t)offset, 0x08, 0x8E00, (uint16_t)(offset >> 16), (uint32_t)(offset >> 32), 0};
}

void make_tables(void) {
  for (int vector = 0; vector < 32; vector++) make_gate(vector, bad_trap);
  make_gate(14, page_fault);
  pml4[0] = (uint64_t)pdpt | PRESENT | WRITABLE | USER;
  pdpt[0] = (uint64_t)directory | PRESENT | WRITABLE | USER;
  directory[0] = 0 | PRESENT | WRITABLE | LARGE;
  directory[USER_START >> 21] = (uint64_t)user_table | PRESENT | WRITABLE | USER;
  for (uint64_t page = 0; page < USER_PAGES; page++)
    user_table[page] = (USER_START + (page << 12)) | PRESENT | WRITABLE | USER;
}

// Writes `count` bytes of the user part; a range that is not the user's is refused.
int64_t write_call(const char *text, uint64_t count) {
  uint64_t start = (uint64_t)text;
  uint64_t end = USER_START + (USER_PAGES << 12);
  if (start < USER_START || start > end || count > end - start) return -1;
  for (uint64_t i = 0; i < count; i++) serial_put(text[i]);
  return (int64_t)count;
}
