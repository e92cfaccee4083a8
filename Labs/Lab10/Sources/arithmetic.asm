# Results of arithmetic and logic, with registers and with immediates.
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

        .text
_start:
        li      s0, -7
        li      s1, 3
        add     t0, s0, s1
        check   t0, -4
        slt     t0, s0, s1              # with sign: -7 is less
        check   t0, 1

        # TODO: the other instructions, and then other files: storage, branches, traps, user mode,
        # interrupts, paging, bounds. What would a machine do that has it wrong?

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

