// An interpreter for a stack machine; its program adds up the lengths of Collatz sequences.

#include "computations.h"

enum { PUSH, LOAD, STORE, ADD, MULTIPLY, HALVE, ODD, LESS, JUMP, JUMP_IF_ZERO, STOP };
enum { START, END, VALUE, TOTAL, VARIABLES };

struct instruction {
  uint8_t code, operand;
};

static const struct instruction program[] = {
    // For each start below the end:
    [0] = {LOAD, START}, {LOAD, END}, {LESS, 0}, {JUMP_IF_ZERO, 33},
    {LOAD, START}, {STORE, VALUE},
    // while 1 < value: count;
    [6] = {PUSH, 1}, {LOAD, VALUE}, {LESS, 0}, {JUMP_IF_ZERO, 28},
    {LOAD, TOTAL}, {PUSH, 1}, {ADD, 0}, {STORE, TOTAL},
    {LOAD, VALUE}, {ODD, 0}, {JUMP_IF_ZERO, 24},
    // odd: three times and one;
    [17] = {LOAD, VALUE}, {PUSH, 3}, {MULTIPLY, 0}, {PUSH, 1}, {ADD, 0}, {STORE, VALUE}, {JUMP, 6},
    // even: half.
    [24] = {LOAD, VALUE}, {HALVE, 0}, {STORE, VALUE}, {JUMP, 6},
    [28] = {LOAD, START}, {PUSH, 1}, {ADD, 0}, {STORE, START}, {JUMP, 0},
    [33] = {STOP, 0},
};

static __attribute__((noinline)) uint32_t interpret(uint32_t *variables) {
  uint32_t stack[8];
  uint32_t *top = stack;
  const struct instruction *at = program;
  for (;;) {
    struct instruction instruction = *at++;
    switch (instruction.code) {
      case PUSH: *top++ = instruction.operand; break;
      case LOAD: *top++ = variables[instruction.operand]; break;
      case STORE: variables[instruction.operand] = *--top; break;
      case ADD: top--, top[-1] += top[0]; break;
      case MULTIPLY: top--, top[-1] *= top[0]; break;
      case HALVE: top[-1] >>= 1; break;
      case ODD: top[-1] &= 1; break;
      case LESS: top--, top[-1] = top[-1] < top[0]; break;
      case JUMP: at = program + instruction.operand; break;
      case JUMP_IF_ZERO:
        if (*--top == 0) at = program + instruction.operand;
        break;
      default: return variables[TOTAL];
    }
  }
}

uint32_t bytecode(uint32_t round, uint32_t *state) {
  (void)state;
  uint32_t variables[VARIABLES];
  variables[START] = 1 + (round & 63) * 8;
  variables[END] = variables[START] + 8;
  variables[VALUE] = 0;
  variables[TOTAL] = 0;
  return interpret(variables);
}
