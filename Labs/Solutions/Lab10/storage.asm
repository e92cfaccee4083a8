; BEGIN SOLUTION
# Loads and stores of every size, and compare-and-swap.
#
# machine: all
# expect status 0
# expect word 0x8000 0x1234BEEF
# expect word 0x8004 0x99

        .include "toy.inc"

        # Ends the test with status 1 unless a register holds a value; changes k0.
        .macro  check   register, value
        li      k0, \value
        beq     \register, k0, 9000f
        j       wrong
9000:
        .endm

        .text
_start:
        li      s0, 0x8000
        li      t1, 0x80FF7F01
        sw      t1, 0(s0)
        lw      t0, 0(s0)
        check   t0, 0x80FF7F01
        lb      t0, 3(s0)
        check   t0, -128
        lbu     t0, 3(s0)
        check   t0, 128
        lb      t0, 1(s0)
        check   t0, 127
        lh      t0, 2(s0)
        check   t0, 0xFFFF80FF
        lhu     t0, 2(s0)
        check   t0, 0x80FF
        li      t1, 0x12345678
        sb      t1, 0(s0)               # only the lowest byte
        sb      t1, 1(s0)
        lw      t0, 0(s0)
        check   t0, 0x80FF7878
        sw      t1, 0(s0)
        li      t1, 0x5678BEEF
        sh      t1, 0(s0)               # only the low half
        lw      t0, 0(s0)
        check   t0, 0x1234BEEF

        # Swaps where it finds what it expects.
        li      t1, 5
        sw      t1, 4(s0)
        addi    t2, s0, 4
        li      t0, 5
        li      t1, 0x99
        cas     t0, t1, (t2)
        check   t0, 5
        li      t0, 5
        li      t1, 7
        cas     t0, t1, (t2)            # now 0x99 is there
        check   t0, 0x99
        lw      t0, 4(s0)
        check   t0, 0x99

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

; END SOLUTION
