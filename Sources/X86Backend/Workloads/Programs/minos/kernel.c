// MinOS for x86-64: a small multitasking operating system.
//
// Processes run in ring 3, each in an address space of its own. The timer of the local APIC ends a process's
// quantum; a process that uses up too many, or that traps other than by a system call, is killed. When no
// process is left the kernel prints a summary and ends the run.

#include "kernel.h"

static const char *const names[20] = {
    "division by zero", "debug trap", "non-maskable interrupt", "breakpoint", "overflow", "bound",
    "illegal instruction", "no coprocessor", "double fault", "unknown trap", "invalid task state",
    "segment not present", "stack fault", "general protection", "page fault", "unknown trap", "x87 error",
    "misaligned address", "machine check", "SIMD error"};

static u64 fault_address(void) {
  u64 address;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  return address;
}

static void kill(struct process *process, const char *reason, u64 value, u64 status) {
  report(process, " killed: ");
  put(reason);
  if (value != ~0ull) {
    put(" ");
    put_hex(value);
  }
  put("\n");
  killed++;
  finish(process, status);
  schedule();
}

static void fault(struct process *process) {
  struct frame *frame = &process->frame;
  u64 vector = frame->vector;
  if (vector != 14) kill(process, names[vector < 20 ? vector : 9], frame->code, 128 + vector);
  const char *reason = frame->code & 16  ? "page not executable"
                       : frame->code & 2 ? "page not writable"
                                         : "page not readable";
  kill(process, reason, fault_address(), 128 + vector);
}

// What the kernel itself met, which it must not.
static void panic(struct frame *frame) {
  put("[minos] panic: trap ");
  put_decimal(frame->vector);
  put(" at ");
  put_hex(frame->rip);
  put("\n");
  shutdown(3);
}

static void tick(void) {
  ticks++;
  end_of_interrupt();
}

// Everything that happens comes here, on the kernel's stack and with interrupts off.
void trap(struct frame *frame) {
  struct process *process = current;
  if ((frame->cs & 3) == 0) {
    if (frame->vector == TIMER && !process) {
      tick();
      schedule();
    }
    // Some processors' SYSRET faults, though nothing is wrong with the address. Going on by IRET is the same.
    if (frame->vector == 13 && frame->rip == (u64)sysret_place && process) resume(&process->frame);
    panic(frame);
  }
  // A fault with a stack of its own: the process's block is where the others save.
  if (frame != &process->frame)
    for (u64 i = 0; i < sizeof *frame / 8; i++) ((volatile u64 *)&process->frame)[i] = ((u64 *)frame)[i];
  frame = &process->frame;
  // On some hosts SYSCALL goes to its entry without raising the privilege level, and the fetch faults. RCX and R11
  // are as SYSCALL leaves them. A jump there has the same effect everywhere.
  if (frame->vector == 14 && frame->rip == (u64)system_call) {
    frame->rip = frame->rcx;
    frame->flags = frame->r11;
    frame->vector = SYSTEM_CALL;
  }
  switch (frame->vector) {
    case SYSTEM_CALL:
      // What SYSRET and IRET would fault on in ring 0.
      if (frame->rip < USER_START || frame->rip >= USER_END)
        kill(process, "return address not its own", frame->rip, 128);
      serve(process);
    case TIMER:
      tick();
      if (++process->quanta == QUANTA) kill(process, "ran too long", ~0ull, 128);
      schedule();
    case 255: go_on(process);
    default: fault(process);
  }
  __builtin_unreachable();
}

void kernel_main(void) {
  start_devices();
  put("MinOS, x86-64\n");
  spawn(0);  // the first process starts all the others
  schedule();
}
