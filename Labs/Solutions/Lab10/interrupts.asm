; BEGIN SOLUTION
# The timer, to the instruction: while interrupts are on, and asked for while they are off.
#
# machine: all
# expect status 0
# expect traps timer 3

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
        getclk  t0                      # the first instruction: nothing has retired
        check   t0, 0

        # A trap goes on at the address in s3, in supervisor mode with all storage.
        sw      zero, TRAP_NEW(zero)
        la      t0, handler
        sw      t0, TRAP_NEW + 4(zero)
        sw      zero, TRAP_NEW + 8(zero)
        li      t0, 0x10000
        sw      t0, TRAP_NEW + 12(zero)

        # Off: the interrupt waits.
        li      t0, 3
        out     t0, TIMER(zero)
        la      s3, 1f
        nop
        nop
        nop
        nop
        li      t0, 1
        setie   t0
2:      j       wrong                   # it comes before this
1:      lw      t0, TRAP_CAUSE(zero)
        check   t0, CAUSE_TIMER
        lw      t0, TRAP_OLD(zero)
        check   t0, PSW_IE
        lw      t0, TRAP_OLD + 4(zero)
        la      t1, 2b
        bne     t0, t1, wrong
        getpsw  t0                      # the handler runs with interrupts off
        check   t0, 0

        # On: ten instructions, with the one that sets the timer.
        la      s3, 1f
        li      t0, 1
        setie   t0
        li      t0, 10
        out     t0, TIMER(zero)
2:      .rept   20
        nop
        .endr
        j       wrong
1:      lw      t0, TRAP_OLD + 4(zero)
        la      t1, 2b + 36
        bne     t0, t1, wrong

        # While the processor waits, time goes on.
        getclk  s0
        li      t0, 1000
        out     t0, TIMER(zero)
        la      s3, 1f
        wait
        getclk  s1
        li      t0, 1
        setie   t0
        j       wrong
1:      sub     s1, s1, s0
        check   s1, 1002

        # All is well.
        out     zero, POWER(zero)

wrong:  li      t0, 1
        out     t0, POWER(zero)

handler: jr     s3
; END SOLUTION
