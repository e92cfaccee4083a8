; BEGIN SOLUTION
# Every branch, taken and not taken, and where jumps link to.
#
# machine: all
# expect status 0

        .include "toy.inc"

        # Ends the test with status 1 unless a register holds a value; changes k0.
        .macro  check   register, value
        li      k0, \value
        beq     \register, k0, 9000f
        j       wrong
9000:
        .endm

        .macro  taken   branch, first, second
        \branch \first, \second, 9100f
        j       wrong
9100:
        .endm
        .macro  passed  branch, first, second
        \branch \first, \second, wrong
        .endm

        .text
_start:
        li      s0, -7
        li      s1, 3
        li      s2, 3
        taken   beq, s1, s2
        passed  beq, s0, s1
        passed  beq, s1, s0
        taken   bne, s0, s1
        taken   bne, s1, s0
        passed  bne, s1, s2
        taken   blt, s0, s1
        passed  blt, s1, s0
        passed  blt, s1, s2
        taken   bge, s1, s0
        taken   bge, s1, s2
        passed  bge, s0, s1
        taken   bltu, s1, s0            # without sign, -7 is large
        passed  bltu, s0, s1
        passed  bltu, s1, s2
        taken   bgeu, s0, s1
        taken   bgeu, s1, s2
        passed  bgeu, s1, s0

        jal     t0, 1f
back:   j       wrong
1:      la      t1, back
        bne     t0, t1, wrong
        la      t1, 1f
        jalr    t0, -8(t1)              # two instructions before
again:  j       wrong
        j       2f
        nop
1:      j       wrong
2:      la      t1, again
        bne     t0, t1, wrong
        la      t0, 1f
        jalr    t0, 0(t0)               # the target is read before the link is written
1:      la      t1, 1b
        bne     t0, t1, wrong
        taken   beq, zero, zero

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

; END SOLUTION
