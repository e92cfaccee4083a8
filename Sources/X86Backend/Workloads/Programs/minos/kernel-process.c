// MinOS: processes; starting, ending and scheduling them.

#include "kernel.h"

struct process processes[PROCESSES] __attribute__((section(".bss.scratch")));
// 0 while there is nothing to do.
struct process *current __attribute__((section(".bss.scratch")));
u64 ticks;
u64 killed;
static u64 alive, started;

struct task_state_head {
  uint32_t reserved;
  u64 stack;
} __attribute__((packed));
extern struct task_state_head tss;

static void use_tables(u64 tables) {
  u64 present;
  __asm__ volatile("mov %%cr3, %0" : "=r"(present));
  if (present != tables) __asm__ volatile("mov %0, %%cr3" : : "r"(tables) : "memory");
}

// A string of a program, by its place in the image.
static const char *in_image(const char *text) { return text - USER_START + (u64)user_image; }

u64 spawn(u64 number) {
  const struct program *table = (const struct program *)in_image((const char *)programs);
  u64 count = *(const u64 *)in_image((const char *)&program_count);
  if (number >= count) return ~0ull;
  struct process *process = processes;
  while (process->state != FREE)
    if (++process == processes + PROCESSES) return ~0ull;
  u64 tables = make_space();
  if (!tables) return ~0ull;
  u64 *words = (u64 *)process;
  for (u64 i = 0; i < sizeof *process / 8; i++) words[i] = 0;
  process->tables = tables;
  process->number = ++started;
  process->name = in_image(table[number].name);
  process->frame.rdi = table[number].argument;
  process->frame.rip = (u64)table[number].entry;
  process->frame.cs = 0x2B;
  process->frame.flags = 0x202;
  // As behind a call.
  process->frame.rsp = USER_STACK - 8;
  process->frame.ss = 0x23;
  process->state = READY;
  alive++;
  return process->number;
}

// Ends a process; whoever joins it goes on.
void finish(struct process *process, u64 status) {
  process->status = status;
  process->state = DONE;
  // Nobody must run on tables that are free.
  use_tables((u64)kernel_pml4);
  drop_space(process->tables);
  alive--;
  for (struct process *other = processes; other < processes + PROCESSES; other++)
    if (other->state == JOINING && other->event == process->number) {
      other->frame.rax = status;
      other->state = READY;
      process->state = FREE;
    }
}

void report(struct process *process, const char *text) {
  put("[minos] ");
  put_decimal(process->number);
  put(" ");
  put(process->name);
  put(text);
}

static void end(void) {
  put("[minos] ");
  put_decimal(started);
  put(" processes: ");
  put_decimal(started - killed);
  put(" exited, ");
  put_decimal(killed);
  put(" killed\n");
  shutdown(0);
}

// Round robin from the present process.
void schedule(void) {
  if (!alive) end();
  int sleeps = 0;
  for (struct process *process = processes; process < processes + PROCESSES; process++)
    if (process->state == SLEEPING) {
      if (process->event <= ticks) process->state = READY;
      else sleeps = 1;
    }
  struct process *process = current ? current : processes;
  for (int i = 0; i < PROCESSES; i++) {
    if (++process == processes + PROCESSES) process = processes;
    if (process->state == READY) go_on(process);
  }
  current = 0;
  if (!sleeps) {
    put("[minos] deadlock\n");
    shutdown(2);
  }
  idle();
}

void go_on(struct process *process) {
  use_tables(process->tables);
  current = process;
  tss.stack = (u64)(&process->frame + 1);
  struct frame *frame = &process->frame;
  // A process changes the flags that computation uses, and no others; it runs with interrupts on.
  frame->flags = (frame->flags & 0xCD7) | 0x202;
  if (process->returns_by_call) {
    process->returns_by_call = 0;
    frame->rcx = frame->rip;
    frame->r11 = frame->flags;
    resume_call(frame);
  }
  resume(frame);
}
