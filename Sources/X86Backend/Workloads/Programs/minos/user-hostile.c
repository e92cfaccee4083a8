// MinOS: the processes that misbehave. Each would exit with status 1 if it got away with it.

#include "user.h"

// In the kernel: what they reach for.
void system_call(void);
extern char text_start[];

// Writes behind its storage; the last word is its own.
void vandal(u64 unused) {
  (void)unused;
  say("vandal: writing behind my storage\n");
  volatile u64 *end = (volatile u64 *)USER_STACK;
  end[-1] = 1;
  end[0] = 1;
  leave(1);
}

// Reads what is not its own.
void snoop(u64 unused) {
  (void)unused;
  leave(*(volatile u64 *)text_start & 1);
}

// Writes into the kernel.
void meddler(u64 unused) {
  (void)unused;
  *(volatile u64 *)text_start = 0;
  leave(1);
}

// Runs its stack.
void leaper(u64 unused) {
  (void)unused;
  __asm__ volatile("jmp *%0" : : "r"(USER_STACK - 64));
  leave(1);
}

// Jumps into the kernel.
void jumper(u64 unused) {
  (void)unused;
  __asm__ volatile("call *%0" : : "r"((u64)text_start));
  leave(1);
}

// Changes its own text, which others run too.
void painter(u64 unused) {
  (void)unused;
  *(volatile char *)USER_START = 0;
  leave(1);
}

// Returns to ring 0, it believes.
void forger(u64 unused) {
  (void)unused;
  __asm__ volatile(
      "pushq $0x10; pushq %0; pushq $2; pushq $8; pushq %1; iretq" : : "r"(USER_STACK - 64), "r"((u64)text_start));
  leave(1);
}

// Loads segments of the kernel.
void faker(u64 which) {
  if (which == 0) __asm__ volatile("mov %0, %%ss" : : "r"(0x10));
  struct {
    uint32_t offset;
    uint16_t selector;
  } __attribute__((packed)) target = {(uint32_t)(u64)text_start, 8};
  __asm__ volatile("ljmpl *%0" : : "m"(target));
  leave(1);
}

// Instructions of the kernel.
void privileged(u64 which) {
  static const struct {
    uint16_t limit;
    u64 base;
  } __attribute__((packed)) table = {0, 0};
  switch (which) {
    case 0:
      // The end of the run, it believes.
      __asm__ volatile("outb %%al, $0xF4" : : "a"(99));
      break;
    case 1: __asm__ volatile("cli"); break;
    case 2: __asm__ volatile("hlt"); break;
    case 3: __asm__ volatile("mov %0, %%cr3" : : "r"(0ull)); break;
    case 4: __asm__ volatile("wrmsr" : : "a"(0), "d"(0), "c"(0xC0000082)); break;
    case 5: __asm__ volatile("lgdt %0" : : "m"(table)); break;
    case 6: __asm__ volatile("sysretq" : : "c"(text_start), "r"(0ull)); break;
    default: __asm__ volatile("ud2"); break;
  }
  leave(1);
}

// Divides by zero.
void divider(u64 zero) {
  __asm__ volatile("div %0" : : "r"(zero), "a"(1ull), "d"(0ull));
  leave(1);
}

// Reads from, or pushes to, an address that is not canonical.
void wanderer(u64 which) {
  u64 nowhere = 0x8000000000000000ull;
  if (which == 0) (void)*(volatile char *)nowhere;
  __asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(nowhere));
  leave(1);
}

// Jumps there.
void faller(u64 unused) {
  (void)unused;
  __asm__ volatile("jmp *%0" : : "r"(0x0000800000000000ull));
  leave(1);
}

// Overflows its stack.
void digger(u64 unused) {
  (void)unused;
  __asm__ volatile("0: sub $512, %rsp; push %rax; jmp 0b");
  leave(1);
}

// A breakpoint that nobody waits for.
void breaker(u64 unused) {
  (void)unused;
  __asm__ volatile("int3");
  leave(1);
}

// Steps itself.
void stepper(u64 unused) {
  (void)unused;
  __asm__ volatile("pushq $0x102; popfq; nop; nop");
  leave(1);
}

// Enters the kernel as SYSCALL does, with a return address on which IRET and SYSRET would fault.
void impostor(u64 unused) {
  (void)unused;
  __asm__ volatile("jmp *%0" : : "r"((u64)system_call), "c"(0x0000800000000000ull), "a"((u64)CALL_TIME));
  leave(1);
}

// Never ends by itself.
void spinner(u64 unused) {
  (void)unused;
  __asm__ volatile("0: jmp 0b");
  leave(1);
}
