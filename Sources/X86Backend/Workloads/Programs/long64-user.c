// Ring 3 of the 64-bit program: CRC-32, quicksort and a matrix product.
//
// Prints three lines through system calls and exits with status 0, or 1 when
// something is not as it must be.

#include "work.h"

#define BYTES 16384
#define VALUES 2048
#define SIZE 32

static uint8_t buffer[BYTES];
static uint32_t values[VALUES];
static uint32_t a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];
static char line[80];

static int64_t system_call(uint64_t number, uint64_t first, uint64_t second) {
  int64_t result;
  __asm__ volatile("syscall"
                   : "=a"(result), "+D"(first), "+S"(second)
                   : "a"(number)
                   : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
  return result;
}

static int64_t print(const char *end) { return system_call(0, (uint64_t)line, (uint64_t)(end - line)); }

static void multiply(void) {
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      uint32_t sum = 0;
      for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

void user_main(void) {
  uint32_t seed = 88172645u;
  int good = 1;
  for (int i = 0; i < BYTES; i++) buffer[i] = (uint8_t)(next_random(&seed) >> 24);
  make_crc_table();
  char *end = append(line, "long64: crc ");
  end = append_hex(end, crc32(buffer, BYTES));
  end = append(end, " in ring ");
  // The privilege level as the processor tells it: the low bits of CS.
  uint64_t cs;
  __asm__ volatile("mov %%cs, %0" : "=r"(cs));
  end = append_decimal(end, (uint32_t)(cs & 3));
  end = append(end, "\n");
  if (print(end) != end - line) good = 0;

  for (int i = 0; i < VALUES; i++) values[i] = next_random(&seed);
  quicksort(values, 0, VALUES - 1);
  if (!is_sorted(values, VALUES)) good = 0;
  end = append(line, "long64: ");
  end = append_decimal(end, VALUES);
  end = append(end, good ? " sorted, crc " : " NOT sorted, crc ");
  end = append_hex(end, crc32((const uint8_t *)values, sizeof values));
  print(append(end, "\n"));

  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      a[i][j] = next_random(&seed) & 0xFF;
      b[i][j] = next_random(&seed) & 0xFF;
    }
  multiply();
  end = append(line, "long64: matrix crc ");
  end = append_hex(end, crc32((const uint8_t *)c, sizeof c));
  print(append(end, "\n"));
  system_call(1, good ? 0 : 1, 0);
}
