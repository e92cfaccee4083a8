// Which computation, and how often.

#include "computations.h"

uint32_t arena[ARENA_WORDS];

uint32_t compute(uint32_t number, uint32_t rounds) {
  uint32_t state = 2463534242u, sum = 0;
  for (uint32_t round = 0; round < rounds; round++) {
    uint32_t result;
    switch (number) {
      case 0: result = sieve(round, &state); break;
      case 1: result = crc(round, &state); break;
      case 2: result = sort(round, &state); break;
      case 3: result = matrix(round, &state); break;
      case 4: result = fibonacci(round, &state); break;
      case 5: result = search(round, &state); break;
      case 6: result = sha256(round, &state); break;
      case 7: result = bytecode(round, &state); break;
      case 8: result = records(round, &state); break;
      default: return 0;
    }
    sum = (sum << 5 | sum >> 27) ^ result;
  }
  return sum;
}
