; BEGIN SOLUTION
# A hybrid VMM runs the user's code directly.
#
# machine: hybrid
# expect status 0
# expect interpreted <= 20

        .include "toy.inc"
        .text
_start:
        la      t0, finish
        sw      t0, TRAP_NEW + 4(zero)
        li      t0, 0x10000
        sw      t0, TRAP_NEW + 12(zero)
        la      t0, user
        jrst    t0
user:   li      s0, 100
1:      addi    s0, s0, -1
        bnez    s0, 1b
        svc     0
finish: out     zero, POWER(zero)
; END SOLUTION
