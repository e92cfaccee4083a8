# Results of arithmetic and logic, with registers and with immediates.
#
# machine: all
# expect status 0
; BEGIN SOLUTION
# expect traps privileged 0
# expect traps illegal 0
; END SOLUTION

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
; BEGIN SOLUTION
        sltu    t0, s0, s1              # without sign it is not
        check   t0, 0
        sub     t0, s0, s1
        check   t0, -10
        mul     t0, s0, s1
        check   t0, -21
        mulhu   t0, s0, s0              # (2^32 - 7)^2 = 2^64 - 14 * 2^32 + 49
        check   t0, 0xFFFFFFF2
        div     t0, s0, s1              # towards zero
        check   t0, -2
        rem     t0, s0, s1              # the sign of -7
        check   t0, -1
        divu    t0, s0, s1
        check   t0, 0x55555553
        li      s1, 4
        remu    t0, s0, s1
        check   t0, 1
        li      t1, 0x80000000          # does not fit: stays what it is
        li      t2, -1
        div     t0, t1, t2
        check   t0, 0x80000000
        rem     t0, t1, t2
        check   t0, 0

        li      s0, 12
        li      s1, 10
        and     t0, s0, s1
        check   t0, 8
        or      t0, s0, s1
        check   t0, 14
        xor     t0, s0, s1
        check   t0, 6
        andi    t0, s0, 10
        check   t0, 8
        ori     t0, s0, 10
        check   t0, 14
        xori    t0, s0, 10
        check   t0, 6

        # The low five bits of a shift count are what counts.
        li      s0, -8
        li      s1, 33
        sll     t0, s0, s1
        check   t0, -16
        srl     t0, s0, s1
        check   t0, 0x7FFFFFFC
        sra     t0, s0, s1
        check   t0, -4
        slli    t0, s0, 1
        check   t0, -16
        srli    t0, s0, 1
        check   t0, 0x7FFFFFFC
        srai    t0, s0, 1
        check   t0, -4
        slti    t0, s0, 3
        check   t0, 1
        sltiu   t0, s0, 3
        check   t0, 0
        lui     t0, 0xABCDE
        check   t0, 0xABCDE000
        addi    zero, s0, 1             # nothing
        check   zero, 0
; END SOLUTION
; BEGIN SKELETON
;|
;|         # TODO: the other instructions, and then other files: storage, branches, traps, user mode,
;|         # interrupts, paging, bounds. What would a machine do that has it wrong?
; END SKELETON

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

