// Protected mode without paging: CRC-32 and a sort.
//
// Prints two lines on the serial line and ends with status 0, or 1 when the result of
// the sort is not in order.

#include "serial.h"
#include "work.h"

#define BYTES 1024
#define VALUES 250

static uint8_t buffer[BYTES];
static uint32_t values[VALUES];
static char line[80];

static void print(const char *end) {
  for (const char *at = line; at < end; at++) serial_put(*at);
}

int kernel_main(void) {
  uint32_t seed = 2463534242u;
  for (int i = 0; i < BYTES; i++) buffer[i] = (uint8_t)(next_random(&seed) >> 24);
  make_crc_table();
  char *end = append(line, "protected32: crc ");
  end = append_hex(end, crc32(buffer, BYTES));
  end = append(end, " check ");
  end = append_hex(end, crc32((const uint8_t *)"123456789", 9));
  print(append(end, "\n"));

  for (int i = 0; i < VALUES; i++) values[i] = next_random(&seed);
  quicksort(values, 0, VALUES - 1);
  int sorted = is_sorted(values, VALUES);
  end = append(line, "protected32: ");
  end = append_decimal(end, VALUES);
  end = append(end, sorted ? " sorted, middle " : " NOT sorted, middle ");
  end = append_decimal(end, values[VALUES / 2]);
  end = append(end, ", crc ");
  end = append_hex(end, crc32((const uint8_t *)values, sizeof values));
  print(append(end, "\n"));
  return sorted ? 0 : 1;
}
