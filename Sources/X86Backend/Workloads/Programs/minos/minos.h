// What the parts of MinOS must agree on.

#ifndef MINOS_H
#define MINOS_H

#include <stdint.h>

typedef uint64_t u64;

// System calls: the number in RAX, arguments in RDI and RSI, the result in RAX (-1: refused).
enum {
  CALL_EXIT,   // exit(status)
  CALL_WRITE,  // write(address, length): length
  CALL_READ,   // read(address, length): bytes of a line of console input, 0 at the end
  CALL_YIELD,  // yield()
  CALL_TIME,   // time(): timer ticks so far
  CALL_SPAWN,  // spawn(program): process
  CALL_SLEEP,  // sleep(ticks)
  CALL_JOIN,   // join(process): status
  CALL_SELF,   // self(): process
  CALL_GROW,   // grow(pages): address of new pages, zeroed
  CALL_LOAD,   // load(sector, address): 512 bytes from the disk
  CALL_STORE,  // store(sector, address): 512 bytes to the disk
  CALLS
};

// A process's address space. What lies below is the kernel's.
#define USER_START 0x40000000ull
#define USER_HEAP 0x40100000ull
#define HEAP_PAGES 16
#define STACK_PAGES 2
#define USER_STACK 0x40200000ull  // the first address behind the stack
#define USER_END 0x40200000ull

// A program that a process can be made of.
struct program {
  void (*entry)(u64);
  const char *name;
  u64 argument;
};

extern const struct program programs[];
extern const u64 program_count;

#endif
