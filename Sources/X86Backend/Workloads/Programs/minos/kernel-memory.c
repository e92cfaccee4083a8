// MinOS: page tables. Storage is mapped to itself for the kernel, as far as the kernel uses it; no page is both
// writable and executable.

#include "kernel.h"

#define FRAMES 288

u64 kernel_pml4[512] __attribute__((aligned(4096)));
static u64 kernel_pdpt[512] __attribute__((aligned(4096)));
static u64 low_directory[512] __attribute__((aligned(4096)));
static u64 low_tables[2][512] __attribute__((aligned(4096)));
static u64 high_directory[512] __attribute__((aligned(4096)));
static u64 device_table[512] __attribute__((aligned(4096)));
static uint8_t frames[FRAMES][PAGE] __attribute__((aligned(4096)));
static uint16_t free_frames[FRAMES];
static u64 free_count;

struct task_state {
  uint32_t reserved;
  u64 stacks[3];
  u64 reserved2;
  u64 faults[7];
  u64 reserved3;
  uint16_t reserved4, ports;
} __attribute__((packed));
struct task_state tss __attribute__((section(".bss.scratch"), aligned(16)));
extern u64 tss_descriptor[2];

struct gate {
  uint16_t offset_low, selector, attributes, offset_middle;
  uint32_t offset_high, reserved;
};
struct gate idt[256] __attribute__((aligned(16)));
extern void (*const stubs[20])(void), (*const timer_stub)(void), (*const spurious_stub)(void);

// Where the frames of faults go that the kernel itself may meet with a user's stack pointer.
static struct frame fault_stack __attribute__((section(".bss.scratch"), aligned(16)));

static void make_gate(int vector, void (*handler)(void), int level, int stack) {
  u64 offset = (u64)handler;
  idt[vector] = (struct gate){
      (uint16_t)offset, 0x08, (uint16_t)(0x8E00 | level << 13 | stack), (uint16_t)(offset >> 16),
      (uint32_t)(offset >> 32), 0};
}

static void map_kernel(char *from, char *to, u64 rights) {
  for (u64 address = (u64)from; address < (u64)to; address += PAGE)
    low_tables[address >> 21][address >> 12 & 511] = address | PRESENT | TOUCHED | rights;
}

// The kernel's tables, its interrupt table and its task-state segment.
void make_tables(void) {
  kernel_pml4[0] = (u64)kernel_pdpt | PRESENT | WRITABLE | TOUCHED;
  kernel_pdpt[0] = (u64)low_directory | PRESENT | WRITABLE | TOUCHED;
  kernel_pdpt[3] = (u64)high_directory | PRESENT | WRITABLE | TOUCHED;
  low_directory[0] = (u64)low_tables[0] | PRESENT | WRITABLE | TOUCHED;
  low_directory[1] = (u64)low_tables[1] | PRESENT | WRITABLE | TOUCHED;
  map_kernel(text_start, rodata_start, 0);
  map_kernel(rodata_start, data_start, NO_EXECUTE);
  map_kernel(data_start, bss_end, WRITABLE | NO_EXECUTE);
  // The local APIC's registers.
  high_directory[0xFEE00000 >> 21 & 511] = (u64)device_table | PRESENT | WRITABLE | TOUCHED;
  device_table[0xFEE00000 >> 12 & 511] = 0xFEE00000 | PRESENT | WRITABLE | TOUCHED | UNCACHED | NO_EXECUTE;

  for (int vector = 0; vector < 20; vector++) {
    // Breakpoints may come from ring 3. Faults that SYSRET or an interrupt return can meet get a stack of their own.
    int level = vector == 3 ? 3 : 0;
    int stack = vector == 8 || vector == 13 ? 1 : 0;
    make_gate(vector, stubs[vector], level, stack);
  }
  make_gate(TIMER, timer_stub, 0, 0);
  make_gate(255, spurious_stub, 0, 0);

  tss.faults[0] = (u64)(&fault_stack + 1);
  // Behind the segment's end: ring 3 has no ports.
  tss.ports = sizeof tss;
  u64 base = (u64)&tss;
  tss_descriptor[0] = (sizeof tss - 1) | (base & 0xFFFFFF) << 16 | 0x89ull << 40 | (base >> 24 & 0xFF) << 56;
  tss_descriptor[1] = base >> 32;

  for (u64 index = 0; index < FRAMES; index++) free_frames[index] = (uint16_t)(FRAMES - 1 - index);
  free_count = FRAMES;
}

static u64 take_frame(void) {
  if (free_count == 0) return 0;
  u64 address = (u64)frames[free_frames[--free_count]];
  clear_page(address);
  return address;
}

static void give_frame(u64 address) { free_frames[free_count++] = (uint16_t)((address - (u64)frames) / PAGE); }

// The entry for a user's address; with `makes`, tables that are missing are made. 0 without.
static u64 *find_entry(u64 tables, u64 address, int makes) {
  u64 *table = (u64 *)tables;
  for (int shift = 39; shift > 12; shift -= 9) {
    u64 *entry = &table[address >> shift & 511];
    if (!(*entry & PRESENT)) {
      u64 frame = makes ? take_frame() : 0;
      if (!frame) return 0;
      *entry = frame | PRESENT | WRITABLE | USER | TOUCHED;
    }
    table = (u64 *)(*entry & ADDRESS);
  }
  return &table[address >> 12 & 511];
}

// Maps a zeroed page at a user's address.
int map_page(u64 tables, u64 address, u64 rights) {
  u64 *entry = find_entry(tables, address, 1);
  u64 frame = entry ? take_frame() : 0;
  if (!frame) return 0;
  *entry = frame | PRESENT | USER | TOUCHED | rights;
  return 1;
}

// An address space with the programs' text and a stack; 0 when storage is used up.
u64 make_space(void) {
  u64 tables = take_frame();
  if (!tables) return 0;
  // The first entry of the second level is the kernel's, the rest is the process's.
  u64 pdpt = take_frame();
  if (!pdpt) {
    give_frame(tables);
    return 0;
  }
  ((u64 *)tables)[0] = pdpt | PRESENT | WRITABLE | USER | TOUCHED;
  ((u64 *)pdpt)[0] = kernel_pdpt[0];
  ((u64 *)pdpt)[3] = kernel_pdpt[3];
  for (u64 offset = 0; offset < (u64)user_size; offset += PAGE) {
    u64 *entry = find_entry(tables, USER_START + offset, 1);
    if (!entry) goto full;
    *entry = ((u64)user_image + offset) | PRESENT | USER | TOUCHED;
  }
  for (u64 page = 1; page <= STACK_PAGES; page++)
    if (!map_page(tables, USER_STACK - page * PAGE, WRITABLE | NO_EXECUTE)) goto full;
  return tables;
full:
  drop_space(tables);
  return 0;
}

// Frees an address space.
void drop_space(u64 tables) {
  u64 pdpt = *(u64 *)tables & ADDRESS;
  u64 directory = ((u64 *)pdpt)[USER_START >> 30] & ADDRESS;
  if (directory) {
    for (u64 i = 0; i < 512; i++) {
      u64 table = ((u64 *)directory)[i] & ADDRESS;
      if (!table) continue;
      for (u64 j = 0; j < 512; j++) {
        u64 page = ((u64 *)table)[j] & ADDRESS;
        if (page >= (u64)frames) give_frame(page);
      }
      give_frame(table);
    }
    give_frame(directory);
  }
  give_frame(pdpt);
  give_frame(tables);
}

// Whether a range is the process's own, with these rights on every page.
int is_allowed(u64 tables, u64 address, u64 length, u64 rights) {
  if (address < USER_START || address > USER_END || length > USER_END - address) return 0;
  for (u64 page = address & ~(PAGE - 1); page < address + length; page += PAGE) {
    u64 *entry = find_entry(tables, page, 0);
    if (!entry || (*entry & (rights | PRESENT | USER)) != (rights | PRESENT | USER)) return 0;
  }
  return 1;
}
