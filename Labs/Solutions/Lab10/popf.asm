; BEGIN SOLUTION
# The supervisor turns interrupts on where a user's attempt is ignored: what a hybrid VMM is for.
#
# machine: simulator emulator hybrid
# variant: popf
# expect status 0
# expect traps privileged 0

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
        li      t0, 1
        setie   t0
        getpsw  t0
        check   t0, PSW_IE
        setie   zero
        getpsw  t0
        check   t0, 0
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        li      t0, 0x10000
        sw      t0, TRAP_NEW + 12(zero)
        la      t0, user
        jrst    t0
user:   li      t0, 1
        setie   t0                      # ignored
        svc     0
handler: lw     t0, TRAP_OLD(zero)
        check   t0, PSW_USER

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

; END SOLUTION
