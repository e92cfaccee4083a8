; BEGIN SOLUTION
# The last word inside a bound is in reach, the next is not: for a user, and at the end of storage.
#
# machine: all
# expect status 0
# expect traps bounds 6
# expect word 0x4FFC 0x1111
# expect word 0x5000 0x2222
# expect word 0xFFFC 0x3333
# expect outside unchanged

        .include "toy.inc"

        # Ends the test with status 1 unless a register holds a value; changes k0.
        .macro  check   register, value
        li      k0, \value
        beq     \register, k0, 9000f
        j       wrong
9000:
        .endm

        .macro  refused value
        lw      t0, TRAP_CAUSE(zero)
        check   t0, CAUSE_BOUNDS
        lw      t0, TRAP_VALUE(zero)
        check   t0, \value
        sw      zero, TRAP_CAUSE(zero)
        .endm

        .text
_start:

        # A trap goes on at the address in s3, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        li      t0, 0x10000
        sw      t0, TRAP_NEW + 12(zero)

        li      t0, 0x2222
        sw      t0, 0x5000(zero)

        # All storage.
        li      s0, 0x10000
        li      s1, 0x3333
        sw      s1, -4(s0)
        lw      t0, -4(s0)
        check   t0, 0x3333
        la      s3, 1f
        sw      s1, 0(s0)
        j       wrong
1:      refused 0x10000
        la      s3, 1f
        lbu     s1, 0(s0)
        j       wrong
1:      refused 0x10000
        la      s3, 1f
        sw      s1, -0x1000(zero)
        j       wrong
1:      refused 0xFFFFF000

        # A user with a page.
        li      s1, 0x1111
        la      s3, 1f
        lpsw    user(zero)
1:      refused 0x1000
        la      s3, 1f
        li      t0, 0x108
        sw      t0, user + 4(zero)
        lpsw    user(zero)
1:      refused 0x1000

        # A window that is longer than storage ends with it.
        la      s3, 1f
        lpsw    long(zero)
1:      refused 0x4000

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

handler: jr     s3

        .balign 4
user:   .word   PSW_USER, 0x100, 0x4000, 0x1000
long:   .word   PSW_USER, 0x10C, 0xC000, 0x8000

        .org    0x4100
        sw      s1, 0xFFC(zero)
        sw      s1, 0x1000(zero)
        lw      s1, 0x1000(zero)
        .org    0xC10C
        sw      s1, 0x4000(zero)
; END SOLUTION
