#ifndef CBENCH_H
#define CBENCH_H

#include <stdint.h>

/* The benchmark guest programs written in C: the yardstick for the emulator's speed. */
enum cbench_program {
  CBENCH_SIEVE = 0,
  CBENCH_CRC32 = 1,
  CBENCH_MATMUL = 2,
  CBENCH_FIB = 3,
  CBENCH_BUBBLESORT = 4,
  CBENCH_QUICKSORT = 5
};

/*
 * Runs a program with the sizes of the guest program of the same name, and gives the number that the guest
 * prints. `rounds` is ignored by CBENCH_FIB. Gives 0 for an unknown program, a size or number of rounds of 0,
 * or when the host has no memory.
 */
uint32_t cbench_run(int program, uint32_t size, uint32_t rounds);

#endif
