// What the parts of MinOS's kernel must agree on.

#ifndef KERNEL_H
#define KERNEL_H

#include "minos.h"
#include "../serial.h"

#define PAGE 4096ull
#define PRESENT 1ull
#define WRITABLE 2ull
#define USER 4ull
// Accessed and dirty, set from the start: no processor ever has to write to the tables.
#define TOUCHED 0x60ull
#define UNCACHED 0x10ull
#define NO_EXECUTE (1ull << 63)
#define ADDRESS 0x000FFFFFFFFFF000ull

#define QUANTUM 5000  // timer ticks
#define QUANTA 60     // a process gets no more than so many

#define SYSTEM_CALL 256
#define TIMER 32

// What is saved of a process, lowest address first; the processor pushes the last five.
struct frame {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  u64 vector, code, rip, cs, flags, rsp, ss;
};

enum state { FREE, READY, SLEEPING, JOINING, DONE };

struct process {
  struct frame frame __attribute__((aligned(16)));
  u64 tables;  // physical address of its top table
  u64 number;  // given once only
  const char *name;
  u64 quanta;
  u64 heap;  // pages
  u64 event;  // sleeping: until when; joining: whom
  u64 status;
  enum state state;
  int returns_by_call;  // it is behind a SYSCALL, and may be gone on with by SYSRET
};

#define PROCESSES 40
extern struct process processes[PROCESSES];
extern struct process *current;
extern u64 ticks;

// start.S
void idle(void) __attribute__((noreturn));
void resume(struct frame *) __attribute__((noreturn));
void resume_call(struct frame *) __attribute__((noreturn));
void shutdown(int status) __attribute__((noreturn));
void system_call(void);
extern char sysret_place[];
extern char kernel_stack_top[], text_start[], rodata_start[], user_image[], data_start[], bss_end[];
// Symbols whose address is a number.
extern char user_size[];

// kernel-memory.c
extern u64 kernel_pml4[512];
void make_tables(void);
u64 make_space(void);
void drop_space(u64 tables);
int map_page(u64 tables, u64 address, u64 rights);
int is_allowed(u64 tables, u64 address, u64 length, u64 rights);

// kernel-devices.c
void put(const char *text);
void put_bytes(const char *bytes, u64 count);
void put_decimal(u64 value);
void put_hex(u64 value);
void start_devices(void);
void end_of_interrupt(void);
int disk_read(u64 sector, uint16_t *words);
int disk_write(u64 sector, const uint16_t *words);

// kernel-process.c
u64 spawn(u64 program);
void finish(struct process *process, u64 status);
void report(struct process *process, const char *text);
void schedule(void) __attribute__((noreturn));
void go_on(struct process *process) __attribute__((noreturn));
extern u64 killed;

// kernel-calls.c
void serve(struct process *process) __attribute__((noreturn));

static inline void clear_page(u64 address) {
  u64 count = PAGE / 8;
  __asm__ volatile("rep stosq" : "+D"(address), "+c"(count) : "a"(0) : "memory");
}

#endif
