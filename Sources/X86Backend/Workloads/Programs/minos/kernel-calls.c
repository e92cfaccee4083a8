// MinOS: system calls.

#include "kernel.h"

static u64 write_call(struct process *process, u64 address, u64 length) {
  if (!is_allowed(process->tables, address, length, 0)) return ~0ull;
  put_bytes((const char *)address, length);
  return length;
}

static u64 read_call(struct process *process, u64 address, u64 length) {
  if (!is_allowed(process->tables, address, length, WRITABLE)) return ~0ull;
  char *to = (char *)address;
  u64 count = 0;
  while (count < length && in8(0x3F8 + 5) & 1)
    if ((to[count++] = (char)in8(0x3F8)) == '\n') break;
  return count;
}

static u64 disk_call(struct process *process, u64 sector, u64 address, int stores) {
  if (address & 1 || !is_allowed(process->tables, address, 512, stores ? 0 : WRITABLE)) return ~0ull;
  int done = stores ? disk_write(sector, (const uint16_t *)address) : disk_read(sector, (uint16_t *)address);
  return done ? 0 : ~0ull;
}

static u64 grow_call(struct process *process, u64 pages) {
  if (pages > HEAP_PAGES - process->heap) return ~0ull;
  u64 address = USER_HEAP + process->heap * PAGE;
  for (; pages; pages--, process->heap++)
    if (!map_page(process->tables, USER_HEAP + process->heap * PAGE, WRITABLE | NO_EXECUTE)) return ~0ull;
  return address;
}

// The result, or that the process waits: then somebody else has to go on.
static u64 join_call(struct process *process, u64 number) {
  struct process *other = processes;
  while (other->state == FREE || other->number != number)
    if (++other == processes + PROCESSES) return ~0ull;
  if (other == process) return ~0ull;
  if (other->state == DONE) {
    other->state = FREE;
    return other->status;
  }
  process->event = number;
  process->state = JOINING;
  return 0;
}

// Serves the system call that the process's frame tells.
void serve(struct process *process) {
  struct frame *frame = &process->frame;
  u64 first = frame->rdi, second = frame->rsi, number = frame->rax;
  u64 result = 0;
  process->returns_by_call = 1;
  switch (number) {
    case CALL_EXIT:
      report(process, " exit ");
      put_decimal(first);
      put("\n");
      finish(process, first);
      schedule();
    case CALL_WRITE: result = write_call(process, first, second); break;
    case CALL_READ: result = read_call(process, first, second); break;
    case CALL_YIELD: break;
    case CALL_TIME: result = ticks; break;
    case CALL_SPAWN: result = spawn(first); break;
    case CALL_SLEEP:
      process->event = ticks + first;
      process->state = SLEEPING;
      break;
    case CALL_JOIN: result = join_call(process, first); break;
    case CALL_SELF: result = process->number; break;
    case CALL_GROW: result = grow_call(process, first); break;
    case CALL_LOAD: result = disk_call(process, first, second, 0); break;
    case CALL_STORE: result = disk_call(process, first, second, 1); break;
    default: result = ~0ull;
  }
  frame->rax = result;
  if (process->state != READY || number == CALL_YIELD) schedule();
  go_on(process);
}
