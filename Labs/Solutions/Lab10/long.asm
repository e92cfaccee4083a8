; BEGIN SOLUTION
# A long run in which every instruction counts.
#
# machine: all
# expect status 0
# expect output "!"
# expect register a0 300
# expect retired 605

        .include "toy.inc"
        .text
_start:
        li      a0, 0
        li      a1, 300
1:      addi    a0, a0, 1
        bne     a0, a1, 1b
        li      t0, '!'
        out     t0, CONSOLE_DATA(zero)
        out     zero, POWER(zero)
; END SOLUTION
