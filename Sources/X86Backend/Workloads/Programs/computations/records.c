// A mix after the proportions of Dhrystone (Weicker 1984): records behind pointers, strings,
// enumerations, short procedures.

#include "computations.h"

enum kind { PLAIN, DOUBLE, NEGATIVE };

struct record {
  struct record *next;
  enum kind kind;
  int32_t value;
  char name[16];
};

#define RECORDS 16
#define TURNS 40

static struct record records_storage[RECORDS];

static __attribute__((noinline)) int32_t compare(const char *left, const char *right) {
  while (*left && *left == *right) left++, right++;
  return (int32_t)(uint8_t)*left - (int32_t)(uint8_t)*right;
}

static __attribute__((noinline)) void copy_name(char *to, const char *from) {
  while ((*to++ = *from++)) {
  }
}

static __attribute__((noinline)) enum kind next_kind(enum kind kind, int32_t value) {
  switch (kind) {
    case PLAIN: return value > 100 ? NEGATIVE : DOUBLE;
    case DOUBLE: return value & 1 ? PLAIN : NEGATIVE;
    default: return PLAIN;
  }
}

static __attribute__((noinline)) int32_t apply(const struct record *record, int32_t value) {
  switch (record->kind) {
    case PLAIN: return value + record->value;
    case DOUBLE: return (int32_t)((uint32_t)value * 2u) % 10007 + record->value;
    default: return value - record->value / 3;
  }
}

// Exchanges the contents of two records, not their places in the list.
static __attribute__((noinline)) void exchange(struct record *first, struct record *second) {
  char name[16];
  copy_name(name, first->name);
  copy_name(first->name, second->name);
  copy_name(second->name, name);
  int32_t value = first->value;
  first->value = second->value;
  second->value = value;
}

uint32_t records(uint32_t round, uint32_t *state) {
  struct record *record = records_storage;
  for (uint32_t i = 0; i < RECORDS; i++) {
    record[i].next = &record[(i + 1) % RECORDS];
    record[i].kind = (enum kind)(i % 3);
    record[i].value = (int32_t)(next_random(state) % 1000);
    copy_name(record[i].name, "RECORD, NO. A");
    record[i].name[12] = (char)('A' + (next_random(state) >> 28));
  }
  int32_t value = (int32_t)(round & 1023);
  for (uint32_t turn = 0; turn < TURNS; turn++) {
    value = apply(record, value);
    record->kind = next_kind(record->kind, record->value);
    if (compare(record->name, record->next->name) > 0) exchange(record, record->next);
    record = record->next;
  }
  uint32_t sum = (uint32_t)value;
  for (uint32_t i = 0; i < RECORDS; i++, record = record->next)
    sum = sum * 31 + (uint32_t)record->name[12] + (uint32_t)record->value;
  return sum;
}
