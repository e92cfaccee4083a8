# hello: the smallest program that does something visible.

        .include "toy.inc"

        .text
_start:
        la      s0, greeting
1:      lbu     t0, 0(s0)
        beqz    t0, 2f
        out     t0, CONSOLE_DATA(zero)
        addi    s0, s0, 1
        j       1b
2:      out     zero, POWER(zero)

        .data
greeting:
        .asciz  "Hello from the toy machine.\n"
